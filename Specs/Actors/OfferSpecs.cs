using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Specs.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>A TOE offers connections back that it could carry on with, and goes on with those that the host does not want (the patent's claim 24).</summary>
public sealed class OfferSpecs : TestKit
{
    private static readonly ConnectionId s_id = new(1);
    private static readonly Microseconds s_idle = Microseconds.FromSeconds(300);

    private readonly TwoToes _toes;

    public OfferSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "offers", output)
    {
        _toes = new TwoToes(Sys, TestActor, Akka.Actor.ActorRefs.Nobody);
        _toes.Offload();
        ExpectMsg<Toe.Event.Offloaded>();
    }

    [Fact]
    public void One_that_does_nothing_is_offered_and_after_a_decline_after_twice_as_long()
    {
        Pass(s_idle - Microseconds.FromSeconds(1));
        ExpectNoMsg(TimeSpan.Zero);
        Pass(Microseconds.FromSeconds(2));
        Assert.Equal(new Toe.Event.UploadRequested(s_id, UploadReason.LowActivity), ExpectMsg<Toe.Event.UploadRequested>());

        Tell(new Toe.Command.Resume([s_id]));
        Assert.Equal(new Toe.Event.Resumed(s_id), ExpectMsg<Toe.Event.Resumed>());
        Exchange();

        Pass((s_idle * 2) - Microseconds.FromSeconds(1));
        ExpectNoMsg(TimeSpan.Zero);
        Pass(Microseconds.FromSeconds(2));
        Assert.Equal(UploadReason.LowActivity, ExpectMsg<Toe.Event.UploadRequested>().Reason);

        // It was asked for once, and goes on whether anybody answers or not.
        Pass(s_idle * 8);
        Exchange();
        ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public void What_is_accepted_goes_back_with_the_reason()
    {
        Pass(s_idle + Microseconds.FromSeconds(1));
        ExpectMsg<Toe.Event.UploadRequested>();

        Tell(new Toe.Command.Upload([s_id]));

        ExpectMsg<Toe.Event.Uploaded>();
        Assert.Equal(UploadReason.LowActivity, Assert.Single(_toes.A.ToHost.PullAll()).Reason);
    }

    [Fact]
    public void A_lossy_connection_is_offered()
    {
        _toes.LinkOfA.Faults = new Faults { Loss = 0.2 };
        IgnoreMessages(message => message is not Toe.Event.UploadRequested);
        Microseconds until = _toes.Now + Microseconds.FromSeconds(60);
        while (!HasMessages && _toes.Now < until)
        {
            _toes.A.Write(new byte[Math.Min(20_000, _toes.A.Send.Limit - _toes.A.Send.Count)]);
            _toes.StepToNextDeadline(_toes.Now + Microseconds.FromMilliseconds(10));
            _toes.B.ReadAll();
        }

        Assert.Equal(UploadReason.HighLoss, ExpectMsg<Toe.Event.UploadRequested>().Reason);
    }

    [Fact]
    public void What_must_be_comes_before_what_may_be_and_cannot_be_declined()
    {
        Pass(s_idle + Microseconds.FromSeconds(1));
        ExpectMsg<Toe.Event.UploadRequested>();
        _toes.LinkOfA.Faults = new Faults { Loss = 1 };
        Tell(new Toe.Command.Update { Connections = [new InvariantsUpdate(s_id, _toes.A.Segment with { Version = 2, MaxRetransmissions = 1 })] });
        ExpectMsg<Toe.Event.Updated>();
        IgnoreMessages(message => message is Toe.Event.NextHopSuspect or Toe.Event.StateChanged);
        _toes.A.Write([1]);
        Pass(Microseconds.FromSeconds(60));
        Assert.Equal(UploadReason.RetransmissionLimit, ExpectMsg<Toe.Event.UploadRequested>().Reason);

        Tell(new Toe.Command.Resume([s_id]));

        Assert.Equal(UploadReason.RetransmissionLimit, ExpectMsg<Toe.Event.UploadRequested>().Reason);
        Tell(new Toe.Command.Upload([s_id]));
        ExpectMsg<Toe.Event.Uploaded>();
        Assert.Equal(UploadReason.RetransmissionLimit, Assert.Single(_toes.A.ToHost.PullAll()).Reason);
    }

    [Fact]
    public void The_host_may_take_back_an_upload_that_waits_for_the_peer()
    {
        _toes.A.Write(new byte[1000]);
        _toes.A.Step();
        Tell(new Toe.Command.Upload([s_id]), settle: false);
        _toes.A.Write(new byte[1000]);
        _toes.A.Step();

        Tell(new Toe.Command.Resume([s_id]), settle: false);

        ExpectMsg<Toe.Event.Resumed>();
        _toes.Settle();
        Pass(Microseconds.FromSeconds(1));
        Assert.Equal(2000, _toes.B.ReadAll().Length);
        Exchange();
        Assert.Empty(_toes.A.ToHost.PullAll());

        // The next one takes its time again, and takes place.
        Tell(new Toe.Command.Upload([s_id]));
        ExpectMsg<Toe.Event.Uploaded>();
        Assert.Equal(UploadReason.None, Assert.Single(_toes.A.ToHost.PullAll()).Reason);
    }

    [Fact]
    public void After_one_that_was_taken_back_the_next_upload_gives_the_peer_its_time_again()
    {
        IgnoreMessages(message => message is Toe.Event.NextHopSuspect or Toe.Event.StateChanged);
        Tell(new Toe.Command.Update { Connections = [new InvariantsUpdate(s_id, _toes.A.Segment with { Version = 2, ReturnableFlight = 500 })] });
        ExpectMsg<Toe.Event.Updated>();
        _toes.LinkOfA.Faults = new Faults { Loss = 1 };
        _toes.A.Write(new byte[1000]);
        Tell(new Toe.Command.Upload([s_id]));
        Pass(Microseconds.FromMilliseconds(100));
        Tell(new Toe.Command.Resume([s_id]));
        ExpectMsg<Toe.Event.Resumed>();
        _toes.LinkOfA.Faults = Faults.None;
        Pass(Microseconds.FromSeconds(10));
        Assert.Equal(1000, _toes.B.ReadAll().Length);

        // Now the host could take back what is in flight, and the peer has had no time yet.
        _toes.LinkOfA.Faults = new Faults { Loss = 1 };
        _toes.A.Write(new byte[300]);
        Tell(new Toe.Command.Upload([s_id]));
        Pass(Microseconds.FromMilliseconds(2));
        Assert.Empty(_toes.A.ToHost.PullAll());
        Pass(Microseconds.FromMilliseconds(100));
        Assert.Equal(300u, Assert.Single(_toes.A.ToHost.PullAll()).Variables.Variants.Flight);
    }

    [Fact]
    public void One_that_has_gone_back_cannot_be_kept()
    {
        Tell(new Toe.Command.Upload([s_id]));
        ExpectMsg<Toe.Event.Uploaded>();

        Tell(new Toe.Command.Resume([s_id]));

        Assert.Equal(s_id, ExpectMsg<Toe.Event.NotHere>().Connection);
        Assert.Single(_toes.A.ToHost.PullAll());
    }

    protected override void Dispose(bool disposing)
    {
        _toes.Dispose();
        base.Dispose(disposing);
    }

    private void Tell(object command, bool settle = true)
    {
        _toes.A.Tell(command);
        _toes.A.Step();
        if (settle)
        {
            _toes.Settle();
        }
    }

    private void Exchange()
    {
        _toes.A.Write([1, 2, 3]);
        _toes.B.Write([4, 5]);
        _toes.Settle();
        Assert.Equal([1, 2, 3], _toes.B.ReadAll());
        Assert.Equal([4, 5], _toes.A.ReadAll());
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
