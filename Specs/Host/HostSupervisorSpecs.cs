using Akka.Actor;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>What the host makes of what a TOE says, whenever it says it.</summary>
public sealed class HostSupervisorSpecs : TestKit
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly ScriptedHost _host;

    public HostSupervisorSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "host-supervisor", output) =>
        _host = new ScriptedHost(Sys, TestActor, new SpecLog(output).CreateLogger("host"));

    [Theory]
    [InlineData(new[] { 1300 }, 1300, 1248)]
    [InlineData(new[] { 1500 }, 1500, 1448)]
    [InlineData(new[] { 9000 }, 1500, 1448)]
    [InlineData(new[] { 1300, 1400 }, 1300, 1248)]
    [InlineData(new[] { 1400, 1300 }, 1300, 1248)]
    [InlineData(new[] { 552 }, 552, 500)]

    // RFC 1191 3: never below 68; the kernel's floor is 552, and RFC 1191 5: a router that does not say what fits says 0.
    [InlineData(new[] { 551 }, 552, 500)]
    [InlineData(new[] { 67 }, 552, 500)]
    [InlineData(new[] { 0 }, 552, 500)]
    public async Task Too_big_lowers_an_IPv4_path_MTU_and_never_raises_it(int[] reports, int pathMtu, int mss) =>
        Assert.Equal((pathMtu, mss), await AfterAsync(await OffloadedAsync(_host.Add()), reports));

    // RFC 8201 4: a report below the minimum link MTU must be discarded.
    [Theory]
    [InlineData(new[] { 1400 }, 1400, 1328)]
    [InlineData(new[] { 1280 }, 1280, 1208)]
    [InlineData(new[] { 1279 }, 1500, 1428)]
    [InlineData(new[] { 68 }, 1500, 1428)]
    [InlineData(new[] { 0 }, 1500, 1428)]
    [InlineData(new[] { 1400, 1279 }, 1400, 1328)]
    [InlineData(new[] { 1300, 1400 }, 1300, 1228)]
    public async Task Too_big_lowers_an_IPv6_path_MTU_to_no_less_than_every_link_carries(int[] reports, int pathMtu, int mss) =>
        Assert.Equal((pathMtu, mss), await AfterAsync(await OffloadedAsync(_host.Add(ipv4: false)), reports));

    // CVE-2019-11479: what was small before is not made smaller.
    [Theory]
    [InlineData(500, 460, 68, 500, 448)]
    [InlineData(1500, 60, 68, 552, 48)]
    [InlineData(1500, 60, 1400, 1400, 48)]
    public async Task Too_big_leaves_an_MSS_that_fits_as_it_is(int localMtu, int peerMss, int report, int pathMtu, int mss) =>
        Assert.Equal((pathMtu, mss), await AfterAsync(await OffloadedAsync(_host.Add(pathMtu: localMtu, peerMss: peerMss)), [report]));

    [Fact]
    public async Task An_upload_that_fails_costs_no_other_connection_of_the_same_pull()
    {
        Connection connection = await OffloadedAsync(_host.Add());
        Task<MoveResult> moving = connection.UploadAsync();
        Toe.Event.Uploaded doorbell = ExpectMsg<Toe.Event.Uploaded>(s_patience);
        TransferEntry entry = Assert.Single(_host.FromToes.PullAll());
        var unknown = new OwnedVariables(new ConnectionId(1), entry.Variables.Epoch, entry.Variables.Variants);
        _host.FromToes.Push(entry with { Variables = unknown });
        _host.FromToes.Push(entry);

        _host.Supervisor.Tell(doorbell);

        Assert.Equal(1, (await moving.WaitAsync(s_patience)).Moved);
        Assert.Equal("script", (await _host.ReportAsync(connection).WaitAsync(s_patience)).Owner);
    }

    [Fact]
    public async Task A_TOE_that_asks_for_an_upload_before_the_host_knows_of_the_offload_is_heard()
    {
        Connection connection = _host.Add();
        Task<MoveResult> moving = connection.OffloadAsync();
        Toe.Event.Offloaded offloaded = ExpectMsg<Toe.Event.Offloaded>(s_patience);
        _host.Supervisor.Tell(new Toe.Event.UploadRequested(connection.Id, UploadReason.PeerFin));
        _host.Supervisor.Tell(offloaded);

        PassOn<Toe.Event.Uploaded>();

        Assert.Equal(1, (await moving.WaitAsync(s_patience)).Moved);
        await UntilAsync(async () => (await _host.ReportAsync(connection)).Owner is "script");

        // What was asked for has been done: the next offload is not undone.
        await OffloadedAsync(connection);
        Assert.Equal("toe", (await _host.ReportAsync(connection).WaitAsync(s_patience)).Owner);
        ExpectNoMsg(TimeSpan.Zero);
    }

    /// <summary>A stack without a route would not take it back, and it would be lost.</summary>
    [Fact]
    public async Task An_upload_that_waits_for_the_peer_is_taken_back_when_there_is_no_route_any_more()
    {
        Connection connection = _host.Add();
        ((ScriptedHost.Half)connection.Half).ReturnableFlight = 0;
        await OffloadedAsync(connection);
        await connection.Output.WriteAsync("not acknowledged"u8.ToArray());
        await UntilAsync(async () => (await _host.ReportAsync(connection)).Variants.Flight > 0);
        Task<MoveResult> moving = connection.UploadAsync();
        await UntilAsync(async () => (await _host.ReportAsync(connection)).Owner is "moving");
        PathId path = (await _host.ReportAsync(connection)).Segment!.Path.Id;

        _host.Paths.Change(path, static path => path with { IsUsable = false });
        IgnoreMessages(message => message is not Toe.Event.Resumed);
        PassOn<Toe.Event.Resumed>();

        Assert.Contains("no route", Assert.Single((await moving.WaitAsync(s_patience)).Refused).Reason, StringComparison.Ordinal);
        Assert.Equal("toe", (await _host.ReportAsync(connection)).Owner);
    }

    [Fact]
    public async Task A_segment_that_strays_into_the_stack_follows_the_connection_when_it_has_arrived()
    {
        Connection connection = _host.Add();
        Task<MoveResult> moving = connection.OffloadAsync();
        Toe.Event.Offloaded offloaded = ExpectMsg<Toe.Event.Offloaded>(s_patience);
        _host.Supervisor.Tell(new HostMessages.Strayed(connection.Id, new byte[20]));
        await _host.ReportAsync(connection);
        Assert.Equal(0, _host.Toe.Counters.ForwardsDropped);

        // No segment that a TOE would take: it counts it.
        _host.Supervisor.Tell(offloaded);
        await moving.WaitAsync(s_patience);
        await UntilAsync(() => Task.FromResult(_host.Toe.Counters.ForwardsDropped == 1));
        _host.Supervisor.Tell(new HostMessages.Strayed(connection.Id, new byte[20]));
        await UntilAsync(() => Task.FromResult(_host.Toe.Counters.ForwardsDropped == 2));
    }

    [Fact]
    public async Task A_TOE_whose_link_is_down_gets_none_and_the_reason_says_so()
    {
        Connection connection = _host.Add();
        _host.Cable.HasCarrier = false;

        MoveResult result = await connection.OffloadAsync().WaitAsync(s_patience);

        Assert.Equal("the link of toe is down", Assert.Single(result.Refused).Reason);
        Assert.Equal(("script", "the link of toe is down"), ((await _host.ReportAsync(connection)).Owner, (await _host.ReportAsync(connection)).LastRefusal));
    }

    [Fact]
    public async Task One_that_is_lost_on_its_way_out_is_refused_and_fails()
    {
        Connection connection = _host.Add();
        ((ScriptedHost.Half)connection.Half).CannotLeave = new InvalidOperationException("it broke");

        MoveResult result = await connection.OffloadAsync().WaitAsync(s_patience);

        Assert.Equal("it broke", Assert.Single(result.Refused).Reason);
        await Assert.ThrowsAnyAsync<Exception>(() => connection.Input.ReadAsync().AsTask().WaitAsync(s_patience));
    }

    [Fact]
    public async Task The_epoch_of_a_connection_that_ended_stays_its_own()
    {
        Connection connection = await OffloadedAsync(_host.Add());
        Task<MoveResult> moving = connection.UploadAsync();
        PassOn<Toe.Event.Uploaded>();
        await moving.WaitAsync(s_patience);
        Assert.Equal(new Epoch(2), connection.Epoch);

        await connection.DisposeAsync();
        await connection.Closed.WaitAsync(s_patience);
        _host.Slots.Rent(out _).Open(new Epoch(77), SegmentVariants.Quiet);

        Assert.Equal(new Epoch(2), connection.Epoch);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Memory_stays_until_the_stack_let_go_and_the_application_completed_both_pipes(bool stackIsFirst)
    {
        Connection connection = _host.Add();
        var half = (ScriptedHost.Half)connection.Half;
        half.ClosesLate = true;
        Assert.True(connection.Memory.Receive.TryGetMemory(out Memory<byte> memory));
        "unread"u8.CopyTo(memory.Span);
        connection.Memory.Receive.Produce(6);
        connection.Memory.Send.Write("unsent"u8);
        Assert.NotEqual(0, _host.Pool.RentedBytes);
        if (stackIsFirst)
        {
            await LetGoAsync();
            Assert.Equal("unread"u8.ToArray(), connection.Memory.Receive.GetReadable().FirstSpan.ToArray());
            connection.Memory.Receive.Consume(0);
        }

        await connection.Input.CompleteAsync();
        Assert.NotEqual(0, _host.Pool.RentedBytes);
        await connection.Output.CompleteAsync();
        if (!stackIsFirst)
        {
            Assert.NotEqual(0, _host.Pool.RentedBytes);
            await LetGoAsync();
        }

        Assert.Equal(0, _host.Pool.RentedBytes);

        async Task LetGoAsync()
        {
            half.LetGo();
            await connection.Closed.WaitAsync(s_patience);

            // The host has gone on to the next message.
            await _host.ReportAsync(_host.Add()).WaitAsync(s_patience);
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _host.Dispose();
    }

    private async Task<(int PathMtu, int Mss)> AfterAsync(Connection connection, int[] reports)
    {
        foreach (int mtu in reports)
        {
            _host.Supervisor.Tell(new Toe.Event.PathTooBig(connection.Id, mtu));
        }

        // Once it has heard of all of them it has told itself what is new.
        await _host.ReportAsync(connection).WaitAsync(s_patience);
        SegmentInvariants segment = (await _host.ReportAsync(connection).WaitAsync(s_patience)).Segment!;
        return (segment.PathMtu, segment.EffectiveMss);
    }

    private async Task<Connection> OffloadedAsync(Connection connection)
    {
        Task<MoveResult> moving = connection.OffloadAsync();
        PassOn<Toe.Event.Offloaded>();
        Assert.Equal(1, (await moving.WaitAsync(s_patience)).Moved);
        return connection;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        while (!await condition().WaitAsync(deadline.Token))
        {
            deadline.Token.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Waits for the TOE to say this, and lets the host hear it.</summary>
    private void PassOn<T>() => _host.Supervisor.Tell(ExpectMsg<T>(s_patience));

    [Fact]
    public async Task A_quiesce_that_comes_while_an_offload_is_being_refused_completes()
    {
        Connection connection = _host.Add();
        using var moment = new ManualResetEventSlim();
        ((ScriptedHost.Half)connection.Half).RefusesAfter = moment;
        Task<MoveResult> moving = connection.OffloadAsync();
        await _host.ReportAsync(connection);
        var quiesced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _host.Supervisor.Tell(new HostMessages.Quiesce(quiesced));
        await _host.ReportAsync(connection);

        moment.Set();

        Assert.Single((await moving.WaitAsync(s_patience)).Refused);
        await quiesced.Task.WaitAsync(s_patience);
    }
}
