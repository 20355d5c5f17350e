using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// The kernel's IPsec policies (RFC 4301 4.4.1; linux/xfrm.h) in the network namespace of the thread that made this object. Without
/// IPsec in the kernel there are none.
/// </summary>
public sealed class IpsecPolicies : IDisposable
{
    private const ushort NewPolicy = 0x13;
    private const ushort GetPolicy = 0x15;
    private const ushort TemplatesAttribute = 5;
    private const byte Tcp = 6;
    private readonly NetlinkSocket? _socket = ConnectionTracking.OpenOrNull(NetlinkProtocol.Xfrm);

    /// <summary>
    /// Whether a policy that protects or blocks could apply to the flow, in either direction. Policies that let packets bypass
    /// IPsec do not count; neither does which of several policies would win, nor the interface a policy is limited to.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool ApplyTo(FlowKey flow)
    {
        if (_socket is null)
            return false;
        var request = new NetlinkMessageBuilder("list the IPsec policies")
            .Begin(GetPolicy, NetlinkFlags.Dump, default(PolicyId));
        try
        {
            return _socket.Dump<object>(request, (in NetlinkMessage message) => Applies(message, flow) ? message.Type : null).Count > 0;
        }
        catch (NetlinkException exception) when (exception.Errno is Errno.NotSupported)
        {
            return false;
        }
    }

    public void Dispose() => _socket?.Dispose();

    private static bool Applies(in NetlinkMessage message, in FlowKey flow)
    {
        if (message.Type != NewPolicy || !message.TryReadHeader(out Policy policy))
            return false;
        var bypass = policy.Action == PolicyAction.Allow
            && message.Attributes(Unsafe.SizeOf<Policy>()).Find(TemplatesAttribute).IsEmpty;
        if (bypass)
            return false;
        return policy.Direction switch
        {
            PolicyDirection.In => policy.Selector.Matches(flow.Reversed),
            PolicyDirection.Out => policy.Selector.Matches(flow),
            _ => false,
        };
    }

    private enum PolicyDirection : byte
    {
        In,
        Out,
        Forward,
    }

    private enum PolicyAction : byte
    {
        Allow,
        Block,
    }

    /// <summary>xfrm_address_t: 4 or 16 bytes, network order.</summary>
    [InlineArray(16)]
    private struct AddressBytes
    {
        private byte _first;
    }

    /// <summary>struct xfrm_selector.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Selector
    {
        public AddressBytes Destination;
        public AddressBytes Source;
        public ushort DestinationPort;
        public ushort DestinationPortMask;
        public ushort SourcePort;
        public ushort SourcePortMask;
        public ushort Family;
        public byte DestinationPrefix;
        public byte SourcePrefix;
        public byte Protocol;
        public int LinkIndex;
        public uint User;

        /// <summary>Whether packets from the flow's local to its remote end are selected (the kernel's xfrm_selector_match).</summary>
        public readonly bool Matches(in FlowKey flow)
        {
            var family = flow.IsIPv4 ? RtValue.Inet : RtValue.Inet6;
            return (Family == 0 || Family == family)
                && Protocol is 0 or Tcp
                && PortMatches(flow.RemotePort, DestinationPort, DestinationPortMask)
                && PortMatches(flow.LocalPort, SourcePort, SourcePortMask)
                && PrefixMatches(flow.RemoteAddress, Destination, DestinationPrefix)
                && PrefixMatches(flow.LocalAddress, Source, SourcePrefix);
        }

        private static bool PortMatches(ushort port, ushort selected, ushort mask)
            => ((System.Net.IPAddress.HostToNetworkOrder((short)port) ^ selected) & mask) == 0;

        private static bool PrefixMatches(InternetAddress address, ReadOnlySpan<byte> selected, int prefix)
        {
            Span<byte> bytes = stackalloc byte[16];
            bytes = bytes[..address.WriteTo(bytes)];
            prefix = Math.Min(prefix, bytes.Length * 8);
            var whole = prefix / 8;
            if (!bytes[..whole].SequenceEqual(selected[..whole]))
                return false;
            return prefix % 8 == 0 || (bytes[whole] ^ selected[whole]) >> (8 - prefix % 8) == 0;
        }
    }

    /// <summary>struct xfrm_userpolicy_info.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Policy
    {
        public Selector Selector;
        public Lifetimes Lifetimes;
        public uint Priority;
        public uint Index;
        public PolicyDirection Direction;
        public PolicyAction Action;
        public byte Flags;
        public byte Share;
    }

    /// <summary>struct xfrm_lifetime_cfg and struct xfrm_lifetime_cur: twelve numbers of 64 bits.</summary>
    [InlineArray(12)]
    private struct Lifetimes
    {
        private ulong _first;
    }

    /// <summary>struct xfrm_userpolicy_id.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PolicyId
    {
        public Selector Selector;
        public uint Index;
        public PolicyDirection Direction;
    }
}
