using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Specs.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>A TOE says when a connection gets on in another way than before.</summary>
public sealed class PhaseSpecs : TestKit
{
    private readonly TwoToes _toes;

    public PhaseSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "phases", output)
    {
        _toes = new TwoToes(Sys, TestActor, Akka.Actor.ActorRefs.Nobody, sharesPath: true);
        IgnoreMessages(message => message is not Toe.Event.StateChanged);
        _toes.Offload();
    }

    [Fact]
    public void A_peer_that_does_not_answer()
    {
        _toes.LinkOfA.Faults = new Faults { Loss = 1 };
        _toes.A.Write([1]);
        Pass(Microseconds.FromSeconds(10));
        Expect(ConnectionPhase.Unanswered);

        // It is told once, however often it is sent again.
        _toes.LinkOfA.Faults = Faults.None;
        Pass(Microseconds.FromSeconds(60));
        Expect(ConnectionPhase.Running);
    }

    // RFC 9293 3.8.6.1
    [Fact]
    public void A_peer_whose_window_is_closed()
    {
        for (int i = 0; i < 10; i++)
        {
            _toes.A.Write(new byte[Math.Min(1 << 20, _toes.A.Send.Limit - _toes.A.Send.Count)]);
            Pass(Microseconds.FromSeconds(1));
        }

        Expect(ConnectionPhase.WindowClosed);

        // Probes that are answered do not change it.
        Pass(Microseconds.FromSeconds(600));
        ExpectNoMsg(TimeSpan.Zero);
        _toes.B.ReadAll();
        _toes.Settle();
        Expect(ConnectionPhase.Running);
    }

    [Fact]
    public void A_path_that_is_gone()
    {
        Neighbor neighbor = _toes.A.Segment.Neighbor;
        _toes.A.Write([1]);
        _toes.A.Tell(new Toe.Command.Invalidate { Neighbors = [new NeighborVersion(neighbor.Id, 1)] });
        _toes.Settle();
        Expect(ConnectionPhase.Halted);

        _toes.A.Tell(new Toe.Command.Update { Neighbors = [neighbor with { Version = 2 }] });
        Pass(Microseconds.FromSeconds(10));
        Expect(ConnectionPhase.Running);
    }

    /// <summary>Who opens and closes his window with every segment brings about no message for each.</summary>
    [Fact]
    public void What_comes_and_goes_with_each_segment_is_not_told()
    {
        int closed = 0;
        for (int i = 0; i < 50; i++)
        {
            _toes.A.Write(new byte[_toes.A.Send.Limit - _toes.A.Send.Count]);
            Pass(Microseconds.FromMilliseconds(300));
            closed += _toes.A.Slot.Read(out _).SndWnd == 0 ? 1 : 0;
            _toes.B.ReadAll();
            _toes.Settle();
        }

        Assert.InRange(closed, 10, 50);
        ExpectNoMsg(TimeSpan.Zero);
    }

    protected override void Dispose(bool disposing)
    {
        _toes.Dispose();
        base.Dispose(disposing);
    }

    private void Expect(ConnectionPhase phase)
    {
        Assert.Equal(new Toe.Event.StateChanged(new ConnectionId(1), phase), ExpectMsg<Toe.Event.StateChanged>());
        ExpectNoMsg(TimeSpan.Zero);
    }

    private void Pass(Microseconds time)
    {
        _toes.Settle();
        Microseconds until = _toes.Now + time;
        while (_toes.StepToNextDeadline(until))
        {
        }
    }
}
