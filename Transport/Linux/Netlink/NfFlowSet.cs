using System.Buffers.Binary;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// A set of TCP flows as they arrive: source (the peer) first. A key is a concatenation: each part begins at a multiple of four bytes.
/// </summary>
internal sealed class NfFlowSet
{
    public const int LongestKey = 40;

    // The nft command's numbers of the types ipv4_addr, ipv6_addr and inet_service, six bits each: for listings only.
    private const uint TypeIPv4 = 7;
    private const uint TypeIPv6 = 8;
    private const uint TypePort = 13;

    private NfFlowSet(string name, bool isIPv4)
    {
        Name = name;
        IsIPv4 = isIPv4;
        AddressLength = isIPv4 ? 4 : 16;
        KeyLength = 2 * (AddressLength + 4);
        var address = isIPv4 ? TypeIPv4 : TypeIPv6;
        KeyType = address << 18 | TypePort << 12 | address << 6 | TypePort;
    }

    public static NfFlowSet IPv4 { get; } = new("flows4", isIPv4: true);

    public static NfFlowSet IPv6 { get; } = new("flows6", isIPv4: false);

    public string Name { get; }

    public bool IsIPv4 { get; }

    public int AddressLength { get; }

    public int KeyLength { get; }

    public uint KeyType { get; }

    public ReadOnlySpan<byte> WriteKey(in FlowKey flow, Span<byte> key)
    {
        key = key[..KeyLength];
        key.Clear();
        flow.RemoteAddress.WriteTo(key);
        BinaryPrimitives.WriteUInt16BigEndian(key[AddressLength..], flow.RemotePort);
        flow.LocalAddress.WriteTo(key[(AddressLength + 4)..]);
        BinaryPrimitives.WriteUInt16BigEndian(key[(2 * AddressLength + 4)..], flow.LocalPort);
        return key;
    }
}
