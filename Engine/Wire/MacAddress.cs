using System.Globalization;
using System.Runtime.InteropServices;

namespace TcpActors.Engine.Wire;

/// <summary>A 48-bit IEEE 802 MAC address: six bytes in the order of the wire.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 6)]
public readonly struct MacAddress : IEquatable<MacAddress>
{
    private readonly byte _b0, _b1, _b2, _b3, _b4, _b5;

    /// <param name="bytes">Exactly six bytes, in the order of the wire.</param>
    /// <exception cref="ArgumentException">When the span does not hold six bytes.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 6)
        {
            throw new ArgumentException($"A MAC address has 6 bytes, not {bytes.Length}.", nameof(bytes));
        }

        (_b0, _b1, _b2, _b3, _b4, _b5) = (bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
    }

    /// <summary>ff:ff:ff:ff:ff:ff.</summary>
    public static MacAddress Broadcast { get; } = new([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

    /// <summary>Whether all six bytes are zero: "not known".</summary>
    public bool IsZero => (_b0 | _b1 | _b2 | _b3 | _b4 | _b5) == 0;

    /// <summary>Parses <c>02:00:00:00:00:01</c>.</summary>
    /// <exception cref="FormatException">When the text is not six colon-separated bytes in hexadecimal.</exception>
    public static MacAddress Parse(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length != 6)
        {
            throw new FormatException($"'{text}' is not a MAC address such as 02:00:00:00:00:01.");
        }

        Span<byte> bytes = stackalloc byte[6];
        for (int i = 0; i < 6; i++)
        {
            bytes[i] = byte.Parse(parts[i], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        return new MacAddress(bytes);
    }

    /// <summary>Writes the six bytes in the order of the wire.</summary>
    public void CopyTo(Span<byte> destination)
    {
        destination[5] = _b5;
        (destination[0], destination[1], destination[2], destination[3], destination[4]) = (_b0, _b1, _b2, _b3, _b4);
    }

    public bool Equals(MacAddress other) =>
        _b0 == other._b0 && _b1 == other._b1 && _b2 == other._b2 && _b3 == other._b3 && _b4 == other._b4 && _b5 == other._b5;

    public override bool Equals(object? obj) => obj is MacAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_b0, _b1, _b2, _b3, _b4, _b5);

    public override string ToString() => $"{_b0:x2}:{_b1:x2}:{_b2:x2}:{_b3:x2}:{_b4:x2}:{_b5:x2}";

    public static bool operator ==(MacAddress left, MacAddress right) => left.Equals(right);

    public static bool operator !=(MacAddress left, MacAddress right) => !left.Equals(right);
}
