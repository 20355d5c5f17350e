using System.Buffers.Binary;

namespace TcpActors.Bench.Load;

/// <summary>What a client of request and response says, and when an answer is whole.</summary>
internal abstract class Exchange
{
    /// <summary>The request to send; written anew for each.</summary>
    public abstract ReadOnlySpan<byte> NextRequest();

    /// <summary>Most bytes of an answer.</summary>
    public abstract int Capacity { get; }

    /// <returns>Whether the answer is whole.</returns>
    /// <exception cref="BenchException">It is not the answer to that request.</exception>
    public abstract bool IsWhole(ReadOnlySpan<byte> answer);
}

/// <summary>The answer is the request; every byte is compared.</summary>
internal sealed class EchoExchange : Exchange
{
    private readonly byte[] _request;
    private long _number;

    public EchoExchange(int size, int client)
    {
        _request = new byte[size];
        Serving.Content.At(client * 97L).Span[..size].CopyTo(_request);
    }

    public override int Capacity => _request.Length;

    public override ReadOnlySpan<byte> NextRequest()
    {
        BinaryPrimitives.WriteInt64BigEndian(_request, ++_number);
        return _request;
    }

    public override bool IsWhole(ReadOnlySpan<byte> answer)
    {
        if (answer.Length < _request.Length)
        {
            return false;
        }

        return answer.SequenceEqual(_request) ? true : throw new BenchException("An answer is not its request.");
    }
}
