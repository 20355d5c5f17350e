using System.IO.Pipelines;
using System.Net;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Links;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>What a host reports of connections that run, on real threads.</summary>
public sealed class HostReportSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Bytes_and_frames_are_what_passed_whoever_owned_the_connection()
    {
        // Without super-segments a frame of the link is a segment.
        using var cable = new InMemoryLinkPair(new InMemoryLinkOptions { Capabilities = LinkCapabilities.ChecksumOffload });
        await using Lab lab = await Lab.OpenAsync(output, cable: cable);

        await lab.SendAsync(lab.Near, lab.Far, 100_000);
        await lab.Server.OffloadAsync();
        await lab.SendAsync(lab.Near, lab.Far, 200_001);
        await lab.SendAsync(lab.Far, lab.Near, 55_555);
        await lab.Client.OffloadAsync();
        await lab.SendAsync(lab.Near, lab.Far, 1);
        await lab.Server.UploadAsync();
        await lab.SendAsync(lab.Far, lab.Near, 44_445);
        await lab.CloseAsync(lab.Near, lab.Far);

        // The handshake is not counted: SYN-ACK here, SYN and ACK there. The last acknowledgement may be under way still.
        (ConnectionStatistics far, ConnectionStatistics near) = (await lab.FarAsync(), await lab.NearAsync());
        await UntilAsync(async () =>
        {
            (far, near) = (await lab.FarAsync(), await lab.NearAsync());
            long fromA = cable.A.Counters.TxFrames - 1;
            long fromB = cable.B.Counters.TxFrames - 2;
            return (fromA, fromA, fromB, fromB) == (far.Sent.Segments, near.Received.Segments, near.Sent.Segments, far.Received.Segments);
        });
        Assert.Equal((300_002, 100_000), (far.Received.Bytes, far.Sent.Bytes));
        Assert.Equal((100_000, 300_002), (near.Received.Bytes, near.Sent.Bytes));

        HostReport server = await lab.Server.ReportAsync();
        HostReport client = await lab.Client.ReportAsync();
        Assert.InRange(far.Sent.Segments, 100_000 / 1448, Assert.Single(server.Toes).FramesSent);
        Assert.InRange(near.Sent.Segments, 300_002 / 1448, Assert.Single(client.Toes).FramesSent);

        // Closing its half has brought the client's end back.
        Assert.Equal((2, 2), (far.Moves.Count, near.Moves.Count));
        Assert.Equal((1, 1, 0), (server.Toes[0].MovesIn, server.Toes[0].MovesOut, server.Toes[0].Connections));
        Assert.Equal((1, 1, 0), (client.Toes[0].MovesIn, client.Toes[0].MovesOut, client.Toes[0].Connections));
    }

    [Fact]
    public async Task A_report_comes_while_an_actor_is_held_up()
    {
        await using Lab lab = await Lab.OpenAsync(output, PipeScheduler.Inline);
        await lab.Server.OffloadAsync();
        using var held = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        Task reading = ReadAsync();
        await lab.Near.Output.WriteAsync(new byte[1000]);
        Assert.True(held.Wait(s_patience));

        try
        {
            // The actor is within the application's own code, on the receiving thread.
            ConnectionStatistics statistics = await lab.FarAsync();
            Assert.Equal(1000, statistics.Received.Bytes);
            Assert.Equal((1000, TcpState.Established), (statistics.Resources.Unread, statistics.State.Tcp));
            Assert.False(reading.IsCompleted);
        }
        finally
        {
            goOn.Set();
        }

        await reading.WaitAsync(s_patience);

        async Task ReadAsync()
        {
            ReadResult read = await lab.Far.Input.ReadAsync();
            held.Set();
            goOn.Wait(s_patience);
            lab.Far.Input.AdvanceTo(read.Buffer.End);
        }
    }

    [Fact]
    public async Task An_application_says_what_its_connection_is_for_and_how_far_its_protocol_is()
    {
        await using Lab lab = await Lab.OpenAsync(output);
        string[] tags = ["bulk", "backup of 3"];
        lab.Far.Tags = tags;
        tags[0] = "changed later";
        lab.Far.Priority = -7;
        lab.Far.ReportState("greeting");
        lab.Far.ReportState("greeting");
        lab.Far.ReportState("streaming");

        ConnectionStatistics statistics = await lab.FarAsync();
        Assert.Equal(["bulk", "backup of 3"], statistics.Tags);
        Assert.Equal((-7, "streaming", 2), (statistics.Priority, statistics.State.Upper, statistics.State.UpperChanges));
        ConnectionStatistics other = await lab.NearAsync();
        Assert.Equal((0, 0, null, 0), (other.Tags.Count, other.Priority, other.State.Upper, other.State.UpperChanges));
    }

    [Fact]
    public async Task What_an_application_says_is_bounded()
    {
        await using Lab lab = await Lab.OpenAsync(output);
        var text = new string('x', 129);

        Assert.Throws<ArgumentException>(() => lab.Far.Tags = [text]);
        Assert.Throws<ArgumentException>(() => lab.Far.Tags = [""]);
        Assert.Throws<ArgumentException>(() => lab.Far.Tags = [.. Enumerable.Repeat("tag", 17)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => lab.Far.Priority = 101);
        Assert.Throws<ArgumentOutOfRangeException>(() => lab.Far.Priority = -101);
        Assert.Throws<ArgumentException>(() => lab.Far.ReportState(text));
        lab.Far.Tags = [.. Enumerable.Repeat(text[1..], 16)];
        (lab.Far.Priority, lab.Near.Priority) = (100, -100);
        Assert.Equal((16, 100, -100), (lab.Far.Tags.Count, lab.Far.Priority, lab.Near.Priority));
    }

    [Fact]
    public async Task Half_closes_and_TCPs_states_are_seen()
    {
        await using Lab lab = await Lab.OpenAsync(output);
        Assert.Equal((TcpState.Established, 0, false, false), States(await lab.FarAsync()));

        await lab.CloseAsync(lab.Near, lab.Far);

        Assert.Equal((TcpState.CloseWait, 1, true, false), States(await lab.FarAsync()));
        (TcpState state, int changes, bool input, bool ended) = States(await lab.NearAsync());
        Assert.Equal((false, true), (input, ended));
        Assert.True((state, changes) is (TcpState.FinWait2, 2) or (TcpState.FinWait1, 1), $"{state} after {changes} changes");
    }

    [Fact]
    public async Task What_waits_and_the_memory_it_takes_are_seen()
    {
        await using Lab lab = await Lab.OpenAsync(output);
        Assert.Equal(0, (await lab.FarAsync()).Resources.Memory);
        await lab.Near.Output.WriteAsync(new byte[70_000]);
        ReadResult read = await lab.Far.Input.ReadAtLeastAsync(70_000).AsTask().WaitAsync(s_patience);
        lab.Far.Input.AdvanceTo(read.Buffer.Start);

        HostReport report = await lab.Server.ReportAsync();
        ResourceStatistics resources = Assert.Single(report.Connections).Statistics.Resources;
        Assert.Equal((70_000, 0), (resources.Unread, resources.SendMemory));
        Assert.InRange(resources.ReceiveMemory, 2 * 65_536, 3 * 65_536);
        Assert.Equal((4 << 20, 4 << 20), (resources.SendLimit, resources.ReceiveLimit));

        // The slots that variables are committed to take a chunk.
        Assert.Equal((resources.Memory + 65_536, 4L << 30), (report.Toes[0].BufferMemoryUsed, report.Toes[0].BufferMemoryLimit));
        Assert.Equal((true, 100_000), (report.Toes[0].IsLinkUp, report.Toes[0].Free));
        lab.Far.Input.AdvanceTo((await lab.Far.Input.ReadAsync()).Buffer.End);
    }

    [Fact]
    public async Task A_refusal_of_the_TOE_is_counted_there_and_is_no_move()
    {
        await using Lab lab = await Lab.OpenAsync(output, capacity: 1);
        ValueTask<Connection?> accepting = lab.Listener.AcceptAsync();
        await using Connection second = await lab.Client.ConnectAsync(lab.Listener.EndPoint).WaitAsync(s_patience);
        await using Connection accepted = (await accepting.AsTask().WaitAsync(s_patience))!;

        Assert.Single((await lab.Server.OffloadAsync().WaitAsync(s_patience)).Refused);

        HostReport report = await lab.Server.ReportAsync();
        ToeStatistics toe = Assert.Single(report.Toes);
        Assert.Equal((1, 1, 0, 1), (toe.Refusals, toe.Connections, toe.Free, toe.MovesIn));
        Assert.Equal([0, 1], report.Connections.Select(each => each.Statistics.Moves.Count).Order());
        MoveStatistics moved = report.Connections.Single(each => each.Statistics.Moves.Count == 1).Statistics.Moves;
        Assert.True(moved.LastTook > Microseconds.Zero && moved.SinceLast >= Microseconds.Zero);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        while (!await condition().WaitAsync(deadline.Token))
        {
            deadline.Token.ThrowIfCancellationRequested();
        }
    }

    private static (TcpState State, int Changes, bool InputEnded, bool OutputEnded) States(ConnectionStatistics statistics) =>
        (statistics.State.Tcp, statistics.State.TcpChanges, statistics.State.IsInputEnded, statistics.State.IsOutputEnded);

    /// <summary>A client's connection to a server, both managed hosts.</summary>
    private sealed class Lab : IAsyncDisposable
    {
        public required ManagedHost Server { get; init; }

        public required ManagedHost Client { get; init; }

        public required ConnectionListener Listener { get; init; }

        /// <summary>The client's end.</summary>
        public required Connection Near { get; init; }

        /// <summary>The server's end.</summary>
        public required Connection Far { get; init; }

        public static async Task<Lab> OpenAsync(
            ITestOutputHelper output, PipeScheduler? scheduler = null, int capacity = 100_000, InMemoryLinkPair? cable = null)
        {
            HostOptions options = new()
            {
                Policy = OffloadPolicies.Never,
                LoggerFactory = new SpecLog(output),
                ApplicationScheduler = scheduler ?? PipeScheduler.ThreadPool,
                ToeCapacity = capacity,
            };
            (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, options, cable);
            ConnectionListener listener = server.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 7));
            ValueTask<Connection?> accepting = listener.AcceptAsync();
            Connection near = await client.ConnectAsync(listener.EndPoint).WaitAsync(s_patience);
            Connection far = (await accepting.AsTask().WaitAsync(s_patience))!;
            return new Lab { Server = server, Client = client, Listener = listener, Near = near, Far = far };
        }

        public async Task<ConnectionStatistics> FarAsync() => await OfAsync(Server, Far);

        public async Task<ConnectionStatistics> NearAsync() => await OfAsync(Client, Near);

        /// <summary>So many bytes go one way and are read.</summary>
        public async Task SendAsync(Connection from, Connection to, int bytes)
        {
            Task<FlushResult> writing = from.Output.WriteAsync(new byte[bytes]).AsTask();
            for (long left = bytes; left > 0;)
            {
                ReadResult read = await to.Input.ReadAsync().AsTask().WaitAsync(s_patience);
                left -= read.Buffer.Length;
                to.Input.AdvanceTo(read.Buffer.End);
            }

            await writing.WaitAsync(s_patience);
        }

        /// <summary>One end closes its half and the other sees it.</summary>
        public async Task CloseAsync(Connection from, Connection to)
        {
            await from.Output.CompleteAsync();
            Assert.True((await to.Input.ReadAsync().AsTask().WaitAsync(s_patience)).IsCompleted);
        }

        public async ValueTask DisposeAsync()
        {
            await Near.DisposeAsync();
            await Far.DisposeAsync();
            await Listener.DisposeAsync();
            await Server.DisposeAsync();
            await Client.DisposeAsync();
        }

        private static async Task<ConnectionStatistics> OfAsync(ManagedHost host, Connection connection) =>
            (await host.ReportAsync().WaitAsync(s_patience)).Connections.Single(each => each.Id == connection.Id).Statistics;
    }
}
