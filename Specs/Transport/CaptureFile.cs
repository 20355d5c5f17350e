using System.Buffers.Binary;
using System.Text;

namespace TcpActors.Specs.Transport;

/// <summary>One frame of a capture.</summary>
internal sealed record CapturedFrame(long Nanoseconds, bool IsInbound, int OriginalLength, byte[] Bytes);

/// <summary>A minimal reader of little-endian pcapng files, strict about block lengths: any partial block fails.</summary>
internal sealed record CaptureFile(string InterfaceName, IReadOnlyList<CapturedFrame> Frames)
{
    public static CaptureFile Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        ReadOnlySpan<byte> rest = content;
        ReadOnlySpan<byte> section = Next(ref rest, expectedType: 0x0a0d0d0a);
        if (Word(section) != 0x1a2b3c4d)
            throw new InvalidDataException("The byte-order magic is wrong.");
        ReadOnlySpan<byte> description = Next(ref rest, expectedType: 1);
        if (Half(description) != 1 || Option(description[8..], 9)[0] != 9)
            throw new InvalidDataException("Not Ethernet with nanoseconds.");

        var frames = new List<CapturedFrame>();
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<byte> packet = Next(ref rest, expectedType: 6);
            long time = ((long)Word(packet[4..]) << 32) | Word(packet[8..]);
            int captured = (int)Word(packet[12..]);
            uint direction = Word(Option(packet[(20 + ((captured + 3) / 4 * 4))..], 2)) & 3;
            if (direction == 0)
                throw new InvalidDataException("No direction.");
            frames.Add(new CapturedFrame(time, direction == 1, (int)Word(packet[16..]), packet.Slice(20, captured).ToArray()));
        }

        return new CaptureFile(Encoding.UTF8.GetString(Option(description[8..], 2)), frames);
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest, uint expectedType)
    {
        int length = (int)Word(rest[4..]);
        if (Word(rest) != expectedType || length % 4 != 0 || Word(rest[(length - 4)..]) != length)
            throw new InvalidDataException($"Block of type {Word(rest):x} and length {length}, not of type {expectedType:x}.");
        ReadOnlySpan<byte> body = rest[8..(length - 4)];
        rest = rest[length..];
        return body;
    }

    private static ReadOnlySpan<byte> Option(ReadOnlySpan<byte> options, ushort code)
    {
        while (Half(options) != 0)
        {
            int length = Half(options[2..]);
            if (Half(options) == code)
                return options.Slice(4, length);
            options = options[(4 + ((length + 3) / 4 * 4))..];
        }

        throw new InvalidDataException($"No option {code}.");
    }

    private static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static ushort Half(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);
}
