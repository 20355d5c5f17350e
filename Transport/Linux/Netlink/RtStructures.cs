using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>Message types of rtnetlink (linux/rtnetlink.h).</summary>
internal static class RtMessage
{
    public const ushort NewLink = 16;
    public const ushort DeleteLink = 17;
    public const ushort GetLink = 18;
    public const ushort NewAddress = 20;
    public const ushort DeleteAddress = 21;
    public const ushort GetAddress = 22;
    public const ushort NewRoute = 24;
    public const ushort DeleteRoute = 25;
    public const ushort GetRoute = 26;
    public const ushort NewNeighbor = 28;
    public const ushort DeleteNeighbor = 29;
    public const ushort GetNeighbor = 30;
}

/// <summary>struct ifinfomsg (linux/rtnetlink.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinkHeader
{
    public byte Family;
    public byte Padding;
    public ushort DeviceType;
    public int Index;
    public uint Flags;
    public uint Change;
}

/// <summary>struct ifaddrmsg (linux/if_addr.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AddressHeader
{
    public byte Family;
    public byte PrefixLength;
    public byte Flags;
    public byte Scope;
    public int LinkIndex;
}

/// <summary>struct rtmsg (linux/rtnetlink.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RouteHeader
{
    public byte Family;
    public byte DestinationLength;
    public byte SourceLength;
    public byte Tos;
    public byte Table;
    public byte Protocol;
    public byte Scope;
    public byte Type;
    public uint Flags;
}

/// <summary>struct ndmsg (linux/neighbour.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NeighborHeader
{
    public byte Family;
    public byte Padding1;
    public ushort Padding2;
    public int LinkIndex;
    public ushort State;
    public byte Flags;
    public byte Type;
}

/// <summary>What stands in rtnetlink messages, as .NET's types.</summary>
internal static class RtValue
{
    public const byte Inet = 2;
    public const byte Inet6 = 10;

    /// <exception cref="ArgumentException">The address is neither IPv4 nor IPv6.</exception>
    public static byte Family(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => Inet,
        AddressFamily.InterNetworkV6 => Inet6,
        _ => throw new ArgumentException($"{address} is not an IPv4 or IPv6 address.", nameof(address)),
    };

    /// <summary>
    /// An address of 4 or 16 bytes, or null. A link-local one gets the interface as its scope, so that equal means equal.
    /// </summary>
    public static IPAddress? Address(ReadOnlySpan<byte> bytes, int linkIndex) => bytes.Length switch
    {
        4 => new IPAddress(bytes),
        16 when bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 => new IPAddress(bytes, linkIndex),
        16 => new IPAddress(bytes),
        _ => null,
    };

    public static MacAddress? Mac(ReadOnlySpan<byte> bytes) => bytes.Length == 6 ? new MacAddress(bytes) : null;
}
