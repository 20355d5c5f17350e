using System.Buffers.Binary;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>
/// The options of a TCP header that this engine uses: MSS (RFC 9293 3.2), window scale and timestamps (RFC 7323 2.2, 3.2),
/// SACK-permitted and SACK (RFC 2018 2, 3).
/// </summary>
public struct TcpOptions
{
    private const byte EndOfList = 0;
    private const byte NoOperation = 1;
    private const byte MssKind = 2;
    private const byte WindowScaleKind = 3;
    private const byte SackPermittedKind = 4;
    private const byte SackKind = 5;
    private const byte TimestampsKind = 8;

    /// <summary>NOP, NOP, kind 8, length 10: how every stack lays timestamps out on a data segment (RFC 7323 appendix A).</summary>
    private const uint AlignedTimestamps = 0x0101080a;

    /// <summary>The longest a list of options can be, in bytes: a data offset of 15 words less the header (RFC 9293 3.1).</summary>
    public const int MaxLength = 40;

    public bool HasTimestamps;
    public uint TsVal;
    public uint TsEcr;

    /// <summary>The blocks that the peer reports as received.</summary>
    public SackBlocks Sack;

    public ushort? Mss;

    /// <summary>Shift count, 0 to 255 as sent; above 14 counts as 14 (RFC 7323 2.3), which is for the handshake to apply.</summary>
    public byte? WindowScale;

    public bool SackPermitted;

    /// <summary>Whether the list broke off at an option that does not fit into it; what stood before it counts.</summary>
    public bool Malformed;

    /// <summary>Bytes that <see cref="WriteTo"/> writes: a multiple of 4.</summary>
    public readonly int EncodedLength =>
        (Mss is null ? 0 : 4) + (SackPermitted ? 4 : 0) + (HasTimestamps ? 12 : 0) + (WindowScale is null ? 0 : 4) +
        (Sack.Count == 0 ? 0 : 4 + (8 * Sack.Count));

    /// <summary>
    /// Reads an option list. Unknown kinds, and known ones of a wrong length, are skipped (RFC 9293 3.1, MUST-6 and MUST-7).
    /// </summary>
    public static TcpOptions Parse(ReadOnlySpan<byte> list)
    {
        TcpOptions options = default;
        if (list.Length == 12 && BinaryPrimitives.ReadUInt32BigEndian(list) == AlignedTimestamps)
        {
            options.SetTimestamps(list[4..]);
            return options;
        }

        while (!list.IsEmpty && list[0] != EndOfList)
        {
            if (list[0] == NoOperation)
            {
                list = list[1..];
                continue;
            }

            if (list.Length < 2 || list[1] < 2 || list[1] > list.Length)
            {
                options.Malformed = true;
                break;
            }

            options.Set(list[0], list[2..list[1]]);
            list = list[list[1]..];
        }

        return options;
    }

    /// <summary>Writes the options, each padded in front with NOPs to a multiple of 4 bytes.</summary>
    /// <param name="destination">At least <see cref="EncodedLength"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="ArgumentException">When the destination is too short.</exception>
    public readonly int WriteTo(Span<byte> destination)
    {
        int length = EncodedLength;
        if (destination.Length < length)
        {
            throw new ArgumentException($"The options need {length} bytes, not {destination.Length}.", nameof(destination));
        }

        int at = 0;
        if (Mss is { } mss)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)MssKind << 24 | 4 << 16 | mss);
            at += 4;
        }

        if (SackPermitted)
        {
            BinaryPrimitives.WriteUInt32BigEndian(
                destination[at..], (uint)NoOperation << 24 | NoOperation << 16 | SackPermittedKind << 8 | 2);
            at += 4;
        }

        if (HasTimestamps)
        {
            at += WriteTimestamps(destination[at..], TsVal, TsEcr);
        }

        if (WindowScale is { } shift)
        {
            BinaryPrimitives.WriteUInt32BigEndian(
                destination[at..], (uint)NoOperation << 24 | (uint)WindowScaleKind << 16 | 3 << 8 | shift);
            at += 4;
        }

        return at + WriteSack(destination[at..], in Sack, Sack.Count);
    }

    internal static int WriteTimestamps(Span<byte> destination, uint tsVal, uint tsEcr)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, AlignedTimestamps);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], tsVal);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], tsEcr);
        return 12;
    }

    internal static int WriteSack(Span<byte> destination, in SackBlocks blocks, int count)
    {
        if (count == 0)
        {
            return 0;
        }

        BinaryPrimitives.WriteUInt32BigEndian(
            destination, (uint)NoOperation << 24 | NoOperation << 16 | (uint)SackKind << 8 | (uint)(2 + (8 * count)));
        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[(4 + (8 * i))..], blocks[i].Left.Value);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(8 + (8 * i))..], blocks[i].Right.Value);
        }

        return 4 + (8 * count);
    }

    private void Set(byte kind, ReadOnlySpan<byte> value)
    {
        switch (kind, value.Length)
        {
            case (TimestampsKind, 8):
                SetTimestamps(value);
                break;
            case (SackKind, 8 or 16 or 24 or 32):
                for (Sack = default; !value.IsEmpty; value = value[8..])
                {
                    var left = new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(value));
                    Sack.Add(new SackBlock(left, new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(value[4..]))));
                }

                break;
            case (MssKind, 2):
                Mss = BinaryPrimitives.ReadUInt16BigEndian(value);
                break;
            case (WindowScaleKind, 1):
                WindowScale = value[0];
                break;
            case (SackPermittedKind, 0):
                SackPermitted = true;
                break;
        }
    }

    private void SetTimestamps(ReadOnlySpan<byte> value)
    {
        HasTimestamps = true;
        TsVal = BinaryPrimitives.ReadUInt32BigEndian(value);
        TsEcr = BinaryPrimitives.ReadUInt32BigEndian(value[4..]);
    }
}
