namespace TcpActors.Engine.State;

/// <summary>How frames are framed on the link: Ethernet II, with an IEEE 802.1Q tag where <see cref="IsTagged"/>.</summary>
/// <param name="IsTagged">Whether frames carry an 802.1Q tag (TPID 0x8100).</param>
/// <param name="VlanId">VLAN id, 0 to 4094; 0 is a priority tag.</param>
/// <param name="Priority">Priority code point, 0 to 7.</param>
public readonly record struct MacEncapsulation(bool IsTagged, ushort VlanId = 0, byte Priority = 0)
{
    public static MacEncapsulation EthernetII => default;

    /// <summary>Bytes of the frame before the IP header: 14 or 18.</summary>
    public int HeaderLength => IsTagged ? 18 : 14;
}
