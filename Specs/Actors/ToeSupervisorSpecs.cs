using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>What a TOE does with the connections that it pulls from the stack.</summary>
public sealed class ToeSupervisorSpecs(ITestOutputHelper output) : TestKit(OffloadEngine.ReferenceConfig, "toe-supervisor", output)
{
    private readonly ulong[] _slotMemory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);

    [Fact]
    public void One_that_cannot_be_taken_goes_back_with_the_reason_and_the_others_are_taken()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        TransferEntry stale = Post(toes.A, new ConnectionId(2), ownedSince: new Epoch(5), offered: new Epoch(4));
        toes.A.Toe.FromHost.Push(stale);

        toes.A.Offload();
        toes.Settle();

        var refused = ExpectMsg<Toe.Event.Refused>();
        Assert.Equal(2, refused.Connection.Value);
        Assert.Contains("epoch 4 cannot open it", refused.Reason, StringComparison.Ordinal);
        ExpectMsg<Toe.Event.Uploaded>();
        Assert.Equal([new ConnectionId(1)], ExpectMsg<Toe.Event.Offloaded>().Connections);
        TransferEntry back = Assert.Single(toes.A.ToHost.PullAll());
        Assert.Equal((2, 5u), (back.Variables.Connection.Value, back.Epoch()));

        // Nothing of the attempt is left in the way of the next.
        toes.A.OffloadAgain(back);
        toes.Settle();
        Assert.Equal([new ConnectionId(2)], ExpectMsg<Toe.Event.Offloaded>().Connections);
    }

    [Fact]
    public void One_that_somebody_else_owns_is_nobodys_to_give_back_and_the_others_are_taken()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        TransferEntry past = Post(toes.A, new ConnectionId(2), ownedSince: new Epoch(0), offered: new Epoch(1));
        past.Variables.HandOver();
        toes.A.Toe.FromHost.Push(past);

        toes.A.Offload();
        toes.Settle();

        Assert.Equal([new ConnectionId(1)], ExpectMsg<Toe.Event.Offloaded>().Connections);
        ExpectNoMsg(TimeSpan.Zero);
        Assert.Empty(toes.A.ToHost.PullAll());
    }

    [Fact]
    public void A_question_behind_the_word_to_give_a_connection_back_is_answered_too()
    {
        using var toes = new TwoToes(Sys, TestActor, ActorRefs.Nobody);
        toes.Offload();
        ConnectionId id = Assert.Single(ExpectMsg<Toe.Event.Offloaded>().Connections);
        IActorRef supervisor = toes.A.Toe.Supervisor;

        // The supervisor passes both on before the actor has given anything back.
        supervisor.Tell(new Toe.Command.Upload([id]), TestActor);
        supervisor.Tell(new Toe.Command.Query([id]), TestActor);
        toes.Settle();

        Assert.True(FishForMessage(message => message is Toe.Event.NotHere or Toe.Event.Variables) is Toe.Event.NotHere { Connection: var about } && about == id);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);

        // A slot does not keep its memory: until here actors may write to it.
        GC.KeepAlive(_slotMemory);
    }

    /// <summary>Posts the memory of another connection, whose slot has been open since an epoch, and says what the host may push.</summary>
    private unsafe TransferEntry Post(TwoToes.Side side, ConnectionId id, Epoch ownedSince, Epoch offered)
    {
        TransferEntry model = side.Entry;
        FlowKey flow = model.Connection.Flow;
        var connection = model.Connection with { Flow = new FlowKey(flow.LocalAddress, flow.RemoteAddress, flow.LocalPort, 40002) };
        var slot = new CommitSlot((nint)Unsafe.AsPointer(ref _slotMemory[0]));
        slot.Open(ownedSince, model.Variables.Variants);
        var send = new SendBuffer(side.Pool, 1 << 20);
        var receive = new ReceiveBuffer(side.Pool, 1 << 20);
        send.Rebase(model.Variables.Variants.SndUna);
        receive.Rebase(model.Variables.Variants.RcvNxt);
        side.Buffers.Post(id, new PostedMemory(send, receive, slot, side));
        side.Toe.Flows.Claim(connection.Flow);
        return model with { Connection = connection, Variables = new OwnedVariables(id, offered, model.Variables.Variants) };
    }
}
