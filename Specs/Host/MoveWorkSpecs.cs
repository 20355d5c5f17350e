using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.Transport.Receive;
using TcpActors.Transport.Steering;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>What a worker does for several connections at one go, when not all goes well.</summary>
public sealed class MoveWorkSpecs : TestKit
{
    private readonly ScriptedHost _host;

    public MoveWorkSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "move-work", output) =>
        _host = new ScriptedHost(Sys, TestActor, new SpecLog(output).CreateLogger("host"));

    [Fact]
    public void Of_those_for_whom_there_is_no_room_at_the_gate_only_the_last_stay()
    {
        var gate = new NarrowGate(room: 3);
        Leaving[] batch = [.. Enumerable.Range(0, 5).Select(_ => LeavingOf(_host.Add()))];

        ToeUnit toe = new(_host.Toe, gate, InterfaceIndex: 1);
        MoveWork.Offload(batch, [toe], TestActor, ScriptedHost.Books(new ScriptedPaths()));

        List<HostMessages.TakeOutDone> done = Done();
        Assert.Equal(batch[..3].Select(leaving => leaving.Id), done.Where(each => each.Result is TakeOut.Taken).Select(each => each.Connection));
        Assert.All(
            done.Where(each => each.Result is not TakeOut.Taken),
            each => Assert.Contains("no room", Assert.IsType<TakeOut.Refused>(each.Result).Reason, StringComparison.Ordinal));
        Assert.Equal(3, gate.Owned.Count);
    }

    [Fact]
    public void What_cannot_be_steered_any_more_is_told_and_the_others_come_back()
    {
        var gate = new NarrowGate(room: 5);
        Connection[] connections = [.. Enumerable.Range(0, 3).Select(_ => _host.Add())];
        gate.Claim([.. connections.Select(connection => connection.Half.Flow)]);
        gate.Stuck = connections[1].Half.Flow;

        MoveWork.Upload([.. connections.Select(connection => new Returning(connection, default, gate))], TestActor);

        Dictionary<ConnectionId, Exception?> told = Enumerable.Range(0, 3)
            .Select(_ => ExpectMsg<HostMessages.PutBackDone>()).ToDictionary(done => done.Connection, done => done.Failure);
        Assert.Null(told[connections[0].Id]);
        Assert.IsType<SteeringException>(told[connections[1].Id]);
        Assert.Null(told[connections[2].Id]);
        Assert.Equal(gate.Stuck, Assert.Single(gate.Owned));
    }

    [Fact]
    public void The_host_hears_of_a_take_out_before_the_TOE_says_anything_of_it()
    {
        Connection connection = _host.Add();
        ToeUnit toe = new(_host.Toe, new NarrowGate(room: 1), InterfaceIndex: 1);
        MoveWork.Offload([LeavingOf(connection)], [toe], TestActor, ScriptedHost.Books(new ScriptedPaths()));

        var taken = Assert.IsType<TakeOut.Taken>(ExpectMsg<HostMessages.TakeOutDone>().Result);
        Assert.Equal(7u, taken.Segment.Version);

        // This gate does not tell the TOE of the flow, so it takes nothing, and says so.
        ExpectMsg<Toe.Event.Refused>();
    }

    [Fact]
    public void One_that_breaks_when_it_is_taken_out_is_lost_and_the_others_leave()
    {
        var gate = new NarrowGate(room: 5);
        Connection[] connections = [.. Enumerable.Range(0, 5).Select(_ => _host.Add())];
        var failure = new InvalidOperationException("it broke");
        ((ScriptedHost.Half)connections[1].Half).CannotLeave = failure;

        ToeUnit toe = new(_host.Toe, gate, InterfaceIndex: 1);
        MoveWork.Offload([.. connections.Select(LeavingOf)], [toe], TestActor, ScriptedHost.Books(new ScriptedPaths()));

        Dictionary<ConnectionId, TakeOut> done = Done().ToDictionary(each => each.Connection, each => each.Result);
        Assert.Same(failure, Assert.IsType<TakeOut.Lost>(done[connections[1].Id]).Failure);
        Assert.Equal(4, done.Values.Count(result => result is TakeOut.Taken));
        Assert.DoesNotContain(connections[1].Half.Flow, gate.Owned);
    }

    [Fact]
    public void One_that_cannot_go_on_is_lost_and_the_others_stay()
    {
        Connection[] connections = [.. Enumerable.Range(0, 5).Select(_ => _host.Add())];
        var failure = new InvalidOperationException("it broke");
        ((ScriptedHost.Half)connections[1].Half).CannotStay = failure;

        ToeUnit toe = new(_host.Toe, new NarrowGate(room: 0), InterfaceIndex: 1);
        MoveWork.Offload([.. connections.Select(LeavingOf)], [toe], TestActor, ScriptedHost.Books(new ScriptedPaths()));

        Dictionary<ConnectionId, TakeOut> done = Done().ToDictionary(each => each.Connection, each => each.Result);
        Assert.Same(failure, Assert.IsType<TakeOut.Lost>(done[connections[1].Id]).Failure);
        Assert.Equal(4, done.Values.Count(result => result is TakeOut.Refused));
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _host.Dispose();
    }

    private static Leaving LeavingOf(Connection connection) => new(connection.Id, connection.Half, connection.Epoch, Version: 7);

    private List<HostMessages.TakeOutDone> Done()
    {
        var done = new List<HostMessages.TakeOutDone>();
        while (done.Count < 5)
        {
            if (ExpectMsg<object>() is HostMessages.TakeOutDone one)
            {
                done.Add(one);
            }
        }

        return done;
    }

    /// <summary>Takes so many flows, and a batch only when all of it fits; one flow it may keep for ever.</summary>
    private sealed class NarrowGate(int room) : IFlowGate
    {
        public HashSet<FlowKey> Owned { get; } = [];

        public FlowKey? Stuck { get; set; }

        public void Claim(ReadOnlySpan<FlowKey> flows)
        {
            if (Owned.Count + flows.Length > room)
            {
                throw new SteeringFullException("no room", errno: 7, done: 0);
            }

            foreach (FlowKey flow in flows)
            {
                Owned.Add(flow);
            }
        }

        public void Release(ReadOnlySpan<FlowKey> flows)
        {
            foreach (FlowKey flow in flows)
            {
                if (flow == Stuck)
                {
                    throw new SteeringException("stuck", errno: 5);
                }

                Owned.Remove(flow);
            }
        }

        public Task Forward(in FlowKey flow, PacketSink sink) => Task.CompletedTask;
    }
}
