using System.Buffers.Binary;

namespace TcpActors.Bench.Policies;

/// <summary>What a request begins with: how long it is, how long its answer is to be, and whether the server is to close after it.</summary>
internal readonly record struct ExchangeHeader(int Request, int Answer, bool IsLast)
{
    public const int Length = 12;

    public static ExchangeHeader Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32BigEndian(bytes),
        BinaryPrimitives.ReadInt32BigEndian(bytes[4..]),
        BinaryPrimitives.ReadInt32BigEndian(bytes[8..]) != 0);

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(bytes, Request);
        BinaryPrimitives.WriteInt32BigEndian(bytes[4..], Answer);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], IsLast ? 1 : 0);
    }
}
