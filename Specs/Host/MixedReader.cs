using System.IO.Pipelines;
using System.Security.Cryptography;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Reads a connection to its end in every way there is, one after the other as a seed draws them.</summary>
internal sealed class MixedReader(Connection connection, int seed)
{
    private readonly Random _random = new(seed);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _memory = new byte[300_000];

    /// <summary>Receives into posted memory that gave bytes although they were cancelled, or none as they were.</summary>
    public int Cancels { get; private set; }

    public async Task<byte[]> ReadToEndAsync()
    {
        while (await ReadAsync())
        {
        }

        return _hash.GetHashAndReset();
    }

    private Task<bool> ReadAsync() => _random.Next(6) switch
    {
        0 => ReadPipeAsync(),
        1 => TakeAsync(connection.ReceiveAsync(Piece())),
        2 => CancelAsync(),
        _ => TakeAsync(connection.PostReceiveAsync(Piece())),
    };

    private Memory<byte> Piece() => _memory.AsMemory(0, _random.Next(1, _random.Next(2) == 0 ? 2000 : _memory.Length));

    private async Task<bool> TakeAsync(ValueTask<int> receive)
    {
        int count = await receive;
        _hash.AppendData(_memory.AsSpan(0, count));
        return count > 0;
    }

    private async Task<bool> CancelAsync()
    {
        using var cancel = new CancellationTokenSource();
        ValueTask<int> receive = connection.PostReceiveAsync(Piece(), cancel.Token);
        for (int i = _random.Next(20); i > 0; i--)
        {
            await Task.Yield();
        }

        cancel.Cancel();
        int count = 0;
        try
        {
            count = await receive;
            if (count == 0)
            {
                return false;
            }
        }
        catch (OperationCanceledException)
        {
            Cancels++;
        }

        byte[] mine = RandomNumberGenerator.GetBytes(16);
        _hash.AppendData(_memory.AsSpan(0, count));
        mine.CopyTo(_memory, 0);
        await Task.Yield();
        Assert.True(_memory.AsSpan(0, mine.Length).SequenceEqual(mine), $"seed {seed}: somebody wrote after the cancel");
        return true;
    }

    private async Task<bool> ReadPipeAsync()
    {
        ReadResult read = await connection.Input.ReadAsync();
        System.Buffers.ReadOnlySequence<byte> taken = read.Buffer.Slice(0, _random.NextInt64(read.Buffer.Length + 1));
        foreach (ReadOnlyMemory<byte> piece in taken)
        {
            _hash.AppendData(piece.Span);
        }

        connection.Input.AdvanceTo(taken.End);
        return !(read.IsCompleted && taken.Length == read.Buffer.Length);
    }
}
