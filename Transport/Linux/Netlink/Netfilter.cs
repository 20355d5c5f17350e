using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>struct nfgenmsg (linux/netfilter/nfnetlink.h). Numbers in netfilter's attributes are big-endian.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetfilterHeader
{
    public byte Family;
    public byte Version;

    /// <summary>Big-endian; the subsystem in a batch's frame, else 0.</summary>
    public ushort Resource;
}

/// <summary>Subsystems and address families of netfilter (linux/netfilter.h).</summary>
internal static class Netfilter
{
    public const ushort ConnectionTracking = 1;
    public const ushort Tables = 10;
    public const byte FamilyInet = 1;
    public const byte FamilyIPv4 = 2;
    public const byte FamilyNetdev = 5;
    public const byte FamilyIPv6 = 10;

    public static ushort Type(ushort subsystem, ushort message) => (ushort)(subsystem << 8 | message);
}
