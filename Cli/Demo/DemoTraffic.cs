using System.Buffers;
using System.IO.Pipelines;

namespace TcpActors.Cli.Demo;

/// <summary>
/// The server's end of the demo's transfer: sends a reproducible stream and takes the peer's, digesting both. Neither passes
/// <see cref="Limit"/>, so that what is to happen in mid-stream does happen in mid-stream, however fast the machine is.
/// </summary>
internal sealed class DemoTraffic(IDuplexPipe connection, long bytesEachWay, ulong seed) : IDisposable
{
    private const int Chunk = 64 * 1024;
    private readonly DigestMeter _sent = new();
    private readonly DigestMeter _received = new();

    /// <summary>How far both streams may go.</summary>
    public Milepost Limit { get; } = new();

    public long Sent => _sent.Position.Value;

    public long Received => _received.Position.Value;

    public Task BothReachAsync(long position, CancellationToken cancellationToken) => Task.WhenAll(
        _sent.Position.ReachesAsync(position, cancellationToken), _received.Position.ReachesAsync(position, cancellationToken));

    /// <summary>Sends the whole stream, without FIN.</summary>
    public async Task<StreamDigest> SendAsync(CancellationToken cancellationToken)
    {
        var source = new RandomBytes(seed);
        while (Sent < bytesEachWay)
        {
            await Limit.ReachesAsync(Sent + RandomBytes.Unit, cancellationToken);
            Memory<byte> memory = connection.Output.GetMemory(RandomBytes.Unit);
            var room = (int)Math.Min(Math.Min(memory.Length, Chunk), Limit.Value - Sent);
            Memory<byte> bytes = memory[..(room / RandomBytes.Unit * RandomBytes.Unit)];
            source.Fill(bytes.Span);
            _sent.Add(bytes.Span);
            connection.Output.Advance(bytes.Length);
            await connection.Output.FlushAsync(cancellationToken);
        }

        return _sent.Finish();
    }

    /// <summary>Receives up to the peer's FIN.</summary>
    public async Task<StreamDigest> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Limit.ReachesAsync(Math.Min(Received + 1, bytesEachWay), cancellationToken);
            ReadResult read = await connection.Input.ReadAsync(cancellationToken);
            var room = Limit.Value >= bytesEachWay ? long.MaxValue : Limit.Value - Received;
            ReadOnlySequence<byte> taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, room));
            foreach (ReadOnlyMemory<byte> bytes in taken)
            {
                _received.Add(bytes.Span);
            }

            connection.Input.AdvanceTo(taken.End);
            if (read.IsCompleted && taken.Length == read.Buffer.Length)
            {
                return _received.Finish();
            }
        }
    }

    public void Dispose()
    {
        _sent.Dispose();
        _received.Dispose();
    }
}
