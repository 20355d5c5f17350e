using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Connections of a managed stack go to the TOE on the same link and come back.</summary>
public sealed class ManagedMoveSpecs() : TestKit(OffloadEngine.ReferenceConfig, "managed-moves")
{
    [Theory]
    [InlineData(31, false)]
    [InlineData(32, true)]
    public void Moves_in_the_middle_of_a_transfer_lose_and_double_nothing(int seed, bool ipv6)
    {
        using var pair = new ManagedPair(new ManagedPairOptions { IPv6 = ipv6 }, Sys);
        pair.A.Tap.Records = pair.B.Tap.Records = false;
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        var random = new Random(seed);
        int moves = 0;

        ManagedExchange.Run(pair, a, b, 8 << 20, seed, _ =>
        {
            ManagedEnd end = random.Next(2) == 0 ? a : b;
            if (end.IsOffloaded)
            {
                end.Upload(pair);
            }
            else
            {
                Assert.True(end.TryOffload(), $"seed {seed}: refused");
            }

            moves++;
        });

        Assert.True(moves > 40, $"seed {seed}: {moves} moves");
        foreach (ManagedEnd end in new[] { a, b }.Where(end => end.IsOffloaded))
        {
            end.Upload(pair);
        }

        a.Half.Close();
        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(70));
        Assert.Equal(["end of input", "closed"], a.Told);
        Assert.Equal(["end of input", "closed"], b.Told);
        Assert.Equal(0, pair.A.Flows.Count + pair.B.Flows.Count);
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
    }

    [Fact]
    public void What_came_between_the_claim_and_the_return_is_forwarded_to_the_stack()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        var taken = Assert.IsType<TakeOut.Taken>(a.Half.TakeOutAlone(pair.A.Gate));
        b.Write("data and "u8);
        b.Write("FIN"u8);
        b.Half.Close();
        pair.Settle();
        Assert.Equal(0, a.Receive.Unread);

        a.Half.PutBackAlone(new HandBack(taken.Connection, taken.Segment, taken.Variants), pair.A.Gate);
        pair.Settle();

        Assert.Equal("data and FIN"u8.ToArray(), a.ReadAll());
        Assert.Equal((TcpState.CloseWait, TcpState.FinWait2), (a.State, b.State));
        Assert.Equal(0, pair.A.Flows.Count);
    }

    /// <summary>A receiving thread may have looked a segment up before the claim, and come with it after the stack has given the connection away.</summary>
    [Fact]
    public void What_comes_to_the_stack_after_the_take_out_is_passed_on_in_bounds()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        pair.B.Tap.Loses = static _ => true;
        b.Write("late"u8);

        // Behind the Ethernet header.
        byte[] packet = pair.B.Tap.Sent[^1].Frame[14..];
        var taken = Assert.IsType<TakeOut.Taken>(a.Half.TakeOutAlone(pair.A.Gate));

        pair.A.Stack.PacketReceived(packet);

        Assert.Equal(packet, Assert.Single(a.Strays));
        for (int i = 0; i < 1000; i++)
        {
            pair.A.Stack.PacketReceived(packet);
        }

        Assert.Equal(64, a.Strays.Count);
        Assert.Equal(1001, pair.A.Stack.Counters.CameWhileAway);
        Assert.Equal(0, a.Receive.Unread);
        a.Half.PutBackAlone(new HandBack(taken.Connection, taken.Segment, taken.Variants), pair.A.Gate);
        pair.A.Stack.PacketReceived(packet);
        Assert.Equal("late"u8.ToArray(), a.ReadAll());
    }

    [Fact]
    public void The_FIN_that_made_a_TOE_ask_for_an_upload_is_the_hosts_to_consume()
    {
        using var pair = new ManagedPair(system: Sys);
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        Assert.True(a.TryOffload());
        b.Write("last words"u8);
        b.Half.Close();
        pair.Settle();
        Assert.Equal("last words"u8.ToArray(), a.ReadAll());
        Assert.Empty(a.Told);

        a.Upload(pair);
        pair.Settle();

        Assert.Equal(["end of input"], a.Told);
        a.Half.Close();
        pair.Settle();
        Assert.Equal((TcpState.Closed, TcpState.TimeWait), (a.StateInTable, b.StateInTable));
    }

    [Fact]
    public void Only_an_established_connection_is_taken_out_and_a_refusal_changes_nothing()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Half.ShutdownSend();
        pair.Settle();

        Assert.Contains("CloseWait", Assert.IsType<TakeOut.Refused>(a.Half.TakeOutAlone(pair.A.Gate)).Reason, StringComparison.Ordinal);
        Assert.Contains("FinWait2", Assert.IsType<TakeOut.Refused>(b.Half.TakeOutAlone(pair.B.Gate)).Reason, StringComparison.Ordinal);

        Assert.Equal(0, pair.A.Flows.Count + pair.B.Flows.Count);
        a.Write("goes on"u8);
        pair.Settle();
        Assert.Equal("goes on"u8.ToArray(), b.ReadAll());
    }

    [Fact]
    public void A_FIN_that_comes_while_the_flow_is_being_claimed_makes_it_a_refusal()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Half.Close();

        var refused = Assert.IsType<TakeOut.Refused>(a.Half.TakeOutAlone(new LateGate(pair.A, () => pair.A.Step())));
        pair.Settle();

        Assert.Contains("CloseWait", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(0, pair.A.Flows.Count);
        Assert.Equal((TcpState.CloseWait, TcpState.FinWait2), (a.State, b.State));
    }

    [Fact]
    public void While_a_TOE_owns_it_the_host_neither_closes_nor_takes_it_out_again()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, _) = pair.Establish();
        var taken = Assert.IsType<TakeOut.Taken>(a.Half.TakeOutAlone(pair.A.Gate));

        Assert.IsType<TakeOut.Refused>(a.Half.TakeOutAlone(pair.A.Gate));
        Assert.Throws<InvalidOperationException>(a.Half.Close);
        Assert.Throws<InvalidOperationException>(a.Half.ShutdownSend);

        pair.A.Stack.Dispose();
        Assert.Throws<IOException>(
            () => a.Half.PutBackAlone(new HandBack(taken.Connection, taken.Segment, taken.Variants), pair.A.Gate));
        Assert.Equal(["end of input OperationAborted", "end of output OperationAborted"], a.Told);
        a.Half.Abort();
        Assert.Equal("closed", a.Told[^1]);
    }

    /// <summary>Lets something happen just before the claim takes hold.</summary>
    private sealed class LateGate(ManagedSide side, Action beforeClaim) : IFlowGate
    {
        public void Claim(ReadOnlySpan<FlowKey> flows)
        {
            beforeClaim();
            side.Gate.Claim(flows);
        }

        public void Release(ReadOnlySpan<FlowKey> flows) => side.Gate.Release(flows);

        public Task Forward(in FlowKey flow, TcpActors.Transport.Receive.PacketSink sink) => side.Gate.Forward(in flow, sink);
    }
}
