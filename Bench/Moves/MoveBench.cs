using System.Diagnostics;
using TcpActors.HostSide;

namespace TcpActors.Bench.Moves;

/// <summary>How long a peer hears nothing around moves of one connection: the longest time without an arrival around each, in ms.</summary>
/// <param name="Traffic">What ran over the connection.</param>
/// <param name="Offload">Around offloads.</param>
/// <param name="Upload">Around uploads.</param>
/// <param name="None">Around as many moments at which nothing moved: what the machine does by itself.</param>
/// <param name="Arrived">How many arrivals there were in all.</param>
internal sealed record Blackout(MoveTraffic Traffic, Distribution Offload, Distribution Upload, Distribution None, int Arrived);

/// <summary>What moving costs.</summary>
/// <param name="PerSecond">Moves a second.</param>
/// <param name="CpuMicroseconds">User and system time of this process for one move.</param>
internal sealed record MoveCost(double PerSecond, double CpuMicroseconds);

/// <summary>What moving many connections in one go costs.</summary>
/// <param name="Connections">How many there were.</param>
/// <param name="Offload">One entry for each round.</param>
/// <param name="Upload">Likewise.</param>
/// <param name="DescriptorsBefore">Of this process, with every connection in the kernel.</param>
/// <param name="DescriptorsOffloaded">With every connection on the TOE.</param>
/// <param name="DescriptorsAfter">With every connection back.</param>
internal sealed record MassMoves(
    int Connections, IReadOnlyList<MoveCost> Offload, IReadOnlyList<MoveCost> Upload,
    int DescriptorsBefore, int DescriptorsOffloaded, int DescriptorsAfter);

/// <summary>Measures moves. The peer is another process in another namespace, and sees what any peer would.</summary>
internal static class MoveBench
{
    /// <summary>Between two moves: long enough that what one move does is over before the next begins; µs.</summary>
    private const double Spacing = 5_000;

    /// <summary>
    /// How long after a move's end it is still looked at; ms. A silence that begins before that counts in full. Not longer: a machine that is
    /// another's guest stands still for milliseconds twice a second, and what has nothing to do with a move is not to be blamed on it.
    /// </summary>
    private const double Aftermath = 0.5;

    /// <summary>How long a move takes that does not take place; ms.</summary>
    private const double NoMove = 0.5;

    private const int WarmUp = 100;

    /// <summary>A connection is offloaded and uploaded so often, one move at a time, under traffic.</summary>
    public static async Task<Blackout> BlackoutAsync(MoveTraffic traffic, int moves)
    {
        await using var lab = new MoveLab();
        (Process peer, Connection[] connections) = await lab.ConnectAsync(traffic, 1);
        using Process _ = peer;
        var here = new Arrivals(1 << 22);
        using var stop = new CancellationTokenSource();
        Task serving = ServeAsync(connections[0], traffic, here, stop.Token);
        await MoveAsync(connections[0], WarmUp, []);
        var log = new List<(int Kind, long From, long To)>(3 * moves);
        await MoveAsync(connections[0], moves, log);
        await stop.CancelAsync();
        peer.StandardInput.Close();
        Arrivals there = Arrivals.ReadFrom(peer.StandardOutput.BaseStream);
        await peer.WaitForExitAsync();
        connections[0].Abort();
        await serving;
        Arrivals arrivals = traffic is MoveTraffic.MessagesUp or MoveTraffic.BulkUp ? here : there;
        Distribution Of(int kind) => Distribution.Of(log.Where(each => each.Kind == kind)
            .Select(each => arrivals.LongestGap(each.From, each.To) * 1e3 / Stopwatch.Frequency));
        return new Blackout(traffic, Of(1), Of(2), Of(0), arrivals.Count);
    }

    /// <summary>One connection goes to and fro without a pause.</summary>
    public static async Task<MoveCost> PingPongAsync(MoveTraffic traffic, TimeSpan duration)
    {
        await using var lab = new MoveLab();
        (Process peer, Connection[] connections) = await lab.ConnectAsync(traffic, 1);
        using Process _ = peer;
        using var stop = new CancellationTokenSource();
        Task serving = ServeAsync(connections[0], traffic, new Arrivals(0), stop.Token);
        MoveCost cost = new(0, 0);
        foreach (TimeSpan each in (TimeSpan[])[duration / 4, duration])
        {
            // The first warms up.
            int moves = 0;
            var meter = CostMeter.Start();
            while (meter.Elapsed < each)
            {
                Expect(await connections[0].OffloadAsync(), 1);
                Expect(await connections[0].UploadAsync(), 1);
                moves += 2;
            }

            cost = meter.Stop(moves);
        }

        await stop.CancelAsync();
        peer.StandardInput.Close();
        await peer.WaitForExitAsync();
        connections[0].Abort();
        await serving;
        return cost;
    }

    /// <summary>Many idle connections go in one message.</summary>
    public static async Task<MassMoves> MassAsync(int count, int rounds)
    {
        await using var lab = new MoveLab();
        (Process peer, Connection[] _) = await lab.ConnectAsync(MoveTraffic.Idle, count);
        using Process __ = peer;
        int before = CountDescriptors();
        int offloaded = 0;
        var there = new List<MoveCost>();
        var back = new List<MoveCost>();
        for (int i = 0; i <= rounds; i++)
        {
            var meter = CostMeter.Start();
            Expect(await lab.Host.OffloadAsync(), count);
            MoveCost offload = meter.Stop(count);
            offloaded = CountDescriptors();
            meter = CostMeter.Start();
            Expect(await lab.Host.UploadAsync(), count);
            MoveCost upload = meter.Stop(count);
            if (i > 0)
            {
                // The first warms up.
                there.Add(offload);
                back.Add(upload);
            }
        }

        int after = CountDescriptors();
        peer.StandardInput.Close();
        await peer.WaitForExitAsync();
        return new MassMoves(count, there, back, before, offloaded, after);
    }

    private static int CountDescriptors() => Directory.GetFiles("/proc/self/fd").Length;

    private static void Expect(MoveResult result, int moved)
    {
        if (result.Moved != moved)
        {
            throw new InvalidOperationException(
                $"{result.Moved} of {moved} connections moved; {(result.Refused.Count > 0 ? result.Refused[0].Reason : "nothing was refused")}.");
        }
    }

    private static async Task MoveAsync(Connection connection, int moves, List<(int Kind, long From, long To)> log)
    {
        using var pause = new Pause();
        for (int i = 0; i < 3 * moves; i++)
        {
            // Not in step with anything else.
            double spacing = Spacing + Random.Shared.Next(1000);
            await Task.Run(() => pause.For(spacing));
            long from = Stopwatch.GetTimestamp();
            if (i % 3 == 1)
            {
                Expect(await connection.OffloadAsync(), 1);
            }
            else if (i % 3 == 2)
            {
                Expect(await connection.UploadAsync(), 1);
            }

            long to = i % 3 == 0 ? from + Ticks(NoMove) : Stopwatch.GetTimestamp();
            log.Add((i % 3, from, to + Ticks(Aftermath)));
        }
    }

    private static long Ticks(double milliseconds) => (long)(milliseconds * Stopwatch.Frequency / 1e3);

    private static Task ServeAsync(Connection connection, MoveTraffic traffic, Arrivals arrivals, CancellationToken stop) => traffic switch
    {
        MoveTraffic.Idle => Task.CompletedTask,
        MoveTraffic.Echo => EchoAsync(connection),
        MoveTraffic.MessagesDown => OnThread(() => SendMessages(connection, MovePeer.MessageInterval, stop)),
        MoveTraffic.PushesDown => Task.WhenAll(
            OnThread(() => SendMessages(connection, MovePeer.PushInterval, stop)), ReceiveAsync(connection, new Arrivals(0))),
        MoveTraffic.BulkDown => Task.Run(() => SendBlocksAsync(connection, stop), CancellationToken.None),
        _ => ReceiveAsync(connection, arrivals),
    };

    private static async Task EchoAsync(Connection connection)
    {
        byte[] message = new byte[MovePeer.MessageSize];
        try
        {
            int count;
            while ((count = await connection.ReceiveAsync(message)) > 0)
            {
                await connection.Output.WriteAsync(message.AsMemory(0, count));
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // The end of the run.
        }
    }

    private static async Task ReceiveAsync(Connection connection, Arrivals arrivals)
    {
        try
        {
            while (true)
            {
                System.IO.Pipelines.ReadResult read = await connection.Input.ReadAsync();
                arrivals.Note();
                if (read.IsCompleted)
                {
                    return;
                }

                connection.Input.AdvanceTo(read.Buffer.End);
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // The end of the run.
        }
    }

    private static void SendMessages(Connection connection, double interval, CancellationToken stop)
    {
        using var pause = new Pause();
        byte[] message = new byte[MovePeer.MessageSize];
        for (long next = Stopwatch.GetTimestamp(); !stop.IsCancellationRequested;
            next += Ticks(interval / 1e3))
        {
            connection.Output.WriteAsync(message, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            pause.Until(next);
        }
    }

    private static async Task SendBlocksAsync(Connection connection, CancellationToken stop)
    {
        byte[] block = new byte[MovePeer.BlockSize];
        while (!stop.IsCancellationRequested)
        {
            await connection.Output.WriteAsync(block, CancellationToken.None);
        }
    }

    private static Task OnThread(Action work)
    {
        var done = new TaskCompletionSource();
        new Thread(() =>
        {
            work();
            done.SetResult();
        })
        { IsBackground = true }.Start();
        return done.Task;
    }

    /// <summary>Wall-clock time and processor time of this process from a start to a stop.</summary>
    private readonly struct CostMeter
    {
        private readonly long _from;
        private readonly TimeSpan _cpu;

        private CostMeter(long from, TimeSpan cpu) => (_from, _cpu) = (from, cpu);

        public static CostMeter Start() => new(Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);

        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_from);

        public MoveCost Stop(int moves) =>
            new(moves / Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - _cpu).TotalMicroseconds / moves);
    }
}
