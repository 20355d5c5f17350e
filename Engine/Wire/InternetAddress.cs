using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TcpActors.Engine.Wire;

/// <summary>
/// An IPv4 or IPv6 address as 16 blittable bytes in network order; IPv4 is held v4-mapped (<c>::ffff:a.b.c.d</c>, RFC 4291 2.5.5.2),
/// so that both families are one key type. Scope ids are not part of it: a link knows its own interface.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly struct InternetAddress : IEquatable<InternetAddress>
{
    private readonly ulong _high;
    private readonly ulong _low;

    private InternetAddress(ulong high, ulong low) => (_high, _low) = (high, low);

    /// <summary>Whether this is an IPv4 address.</summary>
    public bool IsIPv4 => _high == 0 && (_low & MappedMask) == MappedPrefix;

    /// <summary>Whether this is <c>fe80::/10</c>, an address that means something on one link only.</summary>
    public bool IsLinkLocal => !IsIPv4 && this[0] == 0xfe && (this[1] & 0xc0) == 0x80;

    private static ulong MappedMask => BitConverter.IsLittleEndian ? 0x0000_0000_ffff_ffffUL : 0xffff_ffff_0000_0000UL;

    private static ulong MappedPrefix => BitConverter.IsLittleEndian ? 0x0000_0000_ffff_0000UL : 0x0000_ffff_0000_0000UL;

    private byte this[int index] => MemoryMarshal.AsBytes(new ReadOnlySpan<InternetAddress>(in this))[index];

    /// <param name="bytes">4 bytes (IPv4) or 16 bytes (IPv6), network order.</param>
    /// <exception cref="ArgumentException">For any other length.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static InternetAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 16)
        {
            return MemoryMarshal.Read<InternetAddress>(bytes);
        }

        if (bytes.Length == 4)
        {
            ulong v4 = MemoryMarshal.Read<uint>(bytes);
            return new InternetAddress(0, MappedPrefix | (BitConverter.IsLittleEndian ? v4 << 32 : v4));
        }

        throw new ArgumentException($"An address has 4 or 16 bytes, not {bytes.Length}.", nameof(bytes));
    }

    /// <exception cref="ArgumentException">When the address is neither IPv4 nor IPv6.</exception>
    public static InternetAddress From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int length)
            ? FromBytes(bytes[..length])
            : throw new ArgumentException($"{address} is not an IPv4 or IPv6 address.", nameof(address));
    }

    /// <summary>The same address for .NET's sockets; IPv4 comes back as IPv4.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        CopyTo(bytes);
        return IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    /// <summary>Writes all 16 bytes (IPv4 as v4-mapped).</summary>
    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Writes the bytes as they stand in an IP header: 4 or 16.</summary>
    /// <returns>How many bytes were written.</returns>
    public int WriteTo(Span<byte> destination)
    {
        Span<byte> bytes = stackalloc byte[16];
        CopyTo(bytes);
        ReadOnlySpan<byte> onWire = IsIPv4 ? bytes[12..] : bytes;
        onWire.CopyTo(destination);
        return onWire.Length;
    }

    /// <summary>The family a socket for this address has.</summary>
    public AddressFamily Family => IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;

    public bool Equals(InternetAddress other) => _high == other._high && _low == other._low;

    public override bool Equals(object? obj) => obj is InternetAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_high, _low);

    public override string ToString() => ToIPAddress().ToString();

    public static bool operator ==(InternetAddress left, InternetAddress right) => left.Equals(right);

    public static bool operator !=(InternetAddress left, InternetAddress right) => !left.Equals(right);
}
