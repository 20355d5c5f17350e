using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;

namespace TcpActors.Bench.Policies;

/// <summary>The engine under a policy: it answers exchanges, and says what its connections have done.</summary>
internal sealed class PolicyServing : IServing
{
    /// <summary>From here on it counts.</summary>
    public const string Begin = "begin";

    /// <summary>What it has counted.</summary>
    public const string Done = "done";

    /// <summary>It ends, and its record is whole.</summary>
    public const string End = "end";

    /// <summary>A folder that gets a record of each policy; in the environment, as a server is a process of its own.</summary>
    public const string RecordVariable = "TCPACTORS_BENCH_RECORD";

    /// <summary>Shorter than a host's, so that a run of some seconds has several.</summary>
    public static readonly TimeSpan Hysteresis = TimeSpan.FromSeconds(1);

    private readonly OffloadHost _host;
    private readonly ConnectionListener _listener;
    private readonly MoveLog _moves = new();
    private readonly Lock _lock = new();
    private readonly Task _accepting;
    private Work _work;

    public PolicyServing(IOffloadPolicy policy, string name)
    {
        string? folder = Environment.GetEnvironmentVariable(RecordVariable);
        _host = OffloadHost.Create(new OffloadHostOptions
        {
            Policy = policy,
            NoDelay = true,
            MoveHysteresis = Hysteresis,
            RecordFile = folder is null ? null : Path.Combine(folder, $"{name}.trace"),
            LoggerFactory = _moves,
        });
        _listener = _host.Listen(new IPEndPoint(Cable.ServerAddress, 0));
        _accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint => _listener.EndPoint;

    public async Task<Figures> AskAsync(string question)
    {
        if (string.Equals(question, End, StringComparison.Ordinal))
        {
            await DisposeAsync();
        }

        lock (_lock)
        {
            if (string.Equals(question, Begin, StringComparison.Ordinal))
            {
                _work = default;
                _moves.Clear();
            }

            return new Figures
            {
                ["received"] = _work.BytesReceived,
                ["sent"] = _work.BytesSent,
                ["segments received"] = _work.SegmentsReceived,
                ["segments sent"] = _work.SegmentsSent,
                ["offloads"] = _moves.Offloads,
                ["uploads"] = _moves.Uploads,
                ["most in a period"] = _moves.MostIn(Hysteresis),
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _accepting;
        await _host.DisposeAsync();
        _moves.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync() is { } connection)
        {
            _ = Task.Run(() => ServeAsync(connection));
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        await using (connection)
        {
            try
            {
                while (await ReadHeaderAsync(connection.Input) is { } header)
                {
                    await DiscardAsync(connection.Input, header.Request - ExchangeHeader.Length);
                    await AnswerAsync(connection.Output, header.Answer);
                    if (header.IsLast)
                    {
                        break;
                    }
                }
            }
            catch (Exception end) when (end is IOException or SocketException)
            {
                // The load has gone; it knows what it got.
            }

            Add(connection.Half.Count());
        }
    }

    private void Add(Tally tally)
    {
        lock (_lock)
        {
            _work += new Work(tally.BytesReceived, tally.BytesSent, tally.SegmentsReceived, tally.SegmentsSent);
        }
    }

    private static async ValueTask<ExchangeHeader?> ReadHeaderAsync(PipeReader input)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            if (read.Buffer.Length >= ExchangeHeader.Length)
            {
                ReadOnlySequence<byte> taken = read.Buffer.Slice(0, ExchangeHeader.Length);
                ExchangeHeader header = Parse(taken);
                input.AdvanceTo(taken.End);
                return header;
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
            {
                return null;
            }
        }
    }

    private static ExchangeHeader Parse(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> header = stackalloc byte[ExchangeHeader.Length];
        bytes.CopyTo(header);
        return ExchangeHeader.Read(header);
    }

    private static async ValueTask DiscardAsync(PipeReader input, int count)
    {
        while (count > 0)
        {
            ReadResult read = await input.ReadAsync();
            int taken = (int)Math.Min(count, read.Buffer.Length);
            input.AdvanceTo(read.Buffer.GetPosition(taken));
            count -= taken;
            if (read.IsCompleted && count > 0)
            {
                throw new IOException("The load has gone in the middle of a request.");
            }
        }
    }

    private static async ValueTask AnswerAsync(PipeWriter output, int count)
    {
        for (int left = count; left > 0; left -= Content.BlockLength)
        {
            await output.WriteAsync(Content.At(0)[..Math.Min(left, Content.BlockLength)]);
        }
    }
}
