using System.Security.Cryptography;
using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>Two connection actors talk over the in-memory link; one thread steps everything.</summary>
public sealed class TwoActorsSpecs(ITestOutputHelper output) : TestKit(Configuration, "two-actors", output)
{
    private static readonly Config Configuration = OffloadEngine.ReferenceConfig;

    [Theory]
    [InlineData(LinkCapabilities.ChecksumOffload | LinkCapabilities.SegmentationOffload)]
    [InlineData(LinkCapabilities.None)]
    public void Both_directions_carry_8_MiB_with_equal_hashes(LinkCapabilities capabilities)
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor, new InMemoryLinkOptions { Capabilities = capabilities });
        toes.Offload();
        ExpectMsg<Toe.Event.Offloaded>();
        ExpectMsg<Toe.Event.Offloaded>();

        Exchange(toes, 8 << 20, seed: 1, betweenRounds: null);
    }

    [Fact]
    public void The_sequence_space_wraps()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor, firstSequence: new SeqNum(uint.MaxValue - 100_000));
        toes.Offload();

        Exchange(toes, 2 << 20, seed: 2, betweenRounds: null);
    }

    [Fact]
    public void Moves_in_the_middle_of_a_transfer_lose_and_double_nothing()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.Offload();
        var random = new Random(3);
        int moves = 0;
        void Move()
        {
            TwoToes.Side side = random.Next(2) == 0 ? toes.A : toes.B;
            side.Tell(new Toe.Command.Upload([new ConnectionId(1)]));
            IReadOnlyList<TransferEntry> back;
            while ((back = side.ToHost.PullAll()).Count == 0)
            {
                Assert.True(toes.StepToNextDeadline(toes.Now + Microseconds.FromSeconds(1)), "the connection was not given back");
            }

            side.OffloadAgain(Assert.Single(back));
            toes.Settle();
            moves++;
        }

        Exchange(toes, 8 << 20, seed: 3, betweenRounds: Move);

        Assert.True(moves > 20, $"{moves} moves");
        Assert.Equal((uint)(2 + (2 * moves)), toes.A.Slot.Epoch.Value + toes.B.Slot.Epoch.Value);
    }

    [Fact]
    public void An_update_is_confirmed_with_its_version_and_the_next_frame_carries_it()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor, sharesPath: true);
        toes.Offload();
        ReceiveN(2);
        Neighbor next = toes.A.Segment.Neighbor with { Version = 1, Mac = MacAddress.Parse("02:00:00:00:00:99") };

        toes.A.Tell(new Toe.Command.Update { Neighbors = [next] });
        toes.A.Step();

        Assert.Equal([new NeighborVersion(next.Id, 1)], ExpectMsg<Toe.Event.Updated>().Neighbors);
        toes.A.Write([1, 2, 3]);
        toes.A.Step();
        var frames = new RxFrame[4];
        int count = toes.Cable.B.Receive(frames, Microseconds.Zero);
        Assert.NotEqual(0, count);

        // Acknowledgements from before the update may be in front; the data is the last.
        Assert.Equal("02:00:00:00:00:99", new MacAddress(frames[count - 1].Bytes[..6]).ToString());
        foreach (RxFrame frame in frames.AsSpan(0, count))
        {
            frame.Return();
        }
    }

    /// <summary>The contract's Invalidate: nothing leaves, and nothing is counted against the peer; with the update it all goes on.</summary>
    [Fact]
    public void Nothing_is_sent_to_a_next_hop_that_was_invalidated_until_an_update()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor, sharesPath: true);
        IgnoreMessages(message => message is Toe.Event.NeighborConfirmed or Toe.Event.StateChanged);
        toes.Offload();
        ReceiveN(2);
        Neighbor neighbor = toes.A.Segment.Neighbor;

        toes.A.Tell(new Toe.Command.Invalidate { Neighbors = [new NeighborVersion(neighbor.Id, 1)] });
        toes.Settle();
        Assert.Equal([new NeighborVersion(neighbor.Id, 1)], ExpectMsg<Toe.Event.Updated>().Neighbors);
        long sent = toes.LinkOfA.Counters.TxFrames;
        toes.A.Write([1, 2, 3]);
        for (int i = 0; i < 100; i++)
        {
            toes.StepToNextDeadline(toes.Now + Microseconds.FromSeconds(1));
        }

        Assert.Equal(sent, toes.LinkOfA.Counters.TxFrames);
        Assert.Empty(toes.B.ReadAll());

        toes.A.Tell(new Toe.Command.Update { Neighbors = [neighbor with { Version = 2 }] });
        toes.Settle();
        Assert.Equal([1, 2, 3], toes.B.ReadAll());
        ExpectMsg<Toe.Event.Updated>();
    }

    /// <summary>RFC 4861 7.3.1. Not with every acknowledgement: one a second is far less than the shortest reachable time.</summary>
    [Fact]
    public void Acknowledged_data_confirms_the_next_hop_once_a_second()
    {
        using var toes = new TwoToes(Sys, TestActor, ActorRefs.Nobody, sharesPath: true);
        toes.Offload();
        ExpectMsg<Toe.Event.Offloaded>();
        toes.B.Write([1, 2, 3]);
        toes.Settle();
        ExpectNoMsg(TimeSpan.Zero);

        for (int i = 0; i < 50; i++)
        {
            toes.A.Write(new byte[100]);
            toes.Settle();
            toes.B.ReadAll();
            toes.Pass(Microseconds.FromMilliseconds(100));
        }

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(toes.A.Segment.Neighbor.Id, ExpectMsg<Toe.Event.NeighborConfirmed>().Neighbor);
        }

        ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public void A_connection_that_is_not_established_is_refused_and_comes_back_unchanged()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.Offload();
        ReceiveN(2);
        toes.A.Tell(new Toe.Command.Upload([new ConnectionId(1)]));
        toes.Settle();
        TransferEntry entry = Assert.Single(toes.A.ToHost.PullAll());
        ExpectMsg<Toe.Event.Uploaded>();
        entry.Variables.Variants.State = TcpState.CloseWait;

        toes.A.OffloadAgain(entry);
        toes.Settle();

        Assert.Contains("CloseWait", ExpectMsg<Toe.Event.Refused>().Reason, StringComparison.Ordinal);
        Assert.Equal(entry.Epoch() + 2, Assert.Single(toes.A.ToHost.PullAll()).Epoch());
    }


    /// <summary>What the host's stack cannot hold would be missing from its send queue when the peer acknowledges it.</summary>
    [Fact]
    public void An_upload_waits_until_the_host_can_take_back_what_is_in_flight()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.Offload();
        ReceiveN(2);
        SegmentInvariants next = toes.A.Segment with { Version = 2, ReturnableFlight = 4000 };
        toes.A.Tell(new Toe.Command.Update { Connections = [new InvariantsUpdate(new ConnectionId(1), next)] });
        toes.A.Write(new byte[10_000]);
        toes.A.Step();

        toes.A.Tell(new Toe.Command.Upload([new ConnectionId(1)]));
        for (int i = 0; i < 10; i++)
        {
            toes.Pass(Microseconds.FromMilliseconds(20));
            toes.A.Step();
        }

        Assert.Empty(toes.A.ToHost.PullAll());
        toes.Settle();
        Assert.Equal(0u, Assert.Single(toes.A.ToHost.PullAll()).Variables.Variants.Flight);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_upload_under_way_survives_a_link_that_throws(int throws)
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.Offload();
        ReceiveN(2);
        toes.LinkOfA.Faults = new Faults { Loss = 1 };
        toes.A.Write(new byte[1000]);
        toes.Settle();
        toes.A.Tell(new Toe.Command.Upload([new ConnectionId(1)]));
        toes.Settle();
        Assert.Empty(toes.A.ToHost.PullAll());

        toes.LinkOfA.Faults = Faults.None;
        toes.LinkOfA.Throws = throws;
        toes.B.Write(new byte[5000]);
        toes.Settle();
        Microseconds until = toes.Now + Microseconds.FromSeconds(60);
        IReadOnlyList<TransferEntry> back;
        while ((back = toes.A.ToHost.PullAll()).Count == 0 && toes.StepToNextDeadline(until))
        {
        }

        Assert.Single(back);
    }

    private static void Exchange(TwoToes toes, int bytes, int seed, Action? betweenRounds)
    {
        var random = new Random(seed);
        byte[] fromA = new byte[bytes];
        byte[] fromB = new byte[bytes];
        random.NextBytes(fromA);
        random.NextBytes(fromB);
        using var atA = new MemoryStream();
        using var atB = new MemoryStream();
        int sentA = 0;
        int sentB = 0;
        Microseconds deadline = toes.Now + Microseconds.FromSeconds(600);
        for (int round = 0; atB.Length < bytes || atA.Length < bytes; round++)
        {
            sentA += Offer(toes.A, fromA, sentA);
            sentB += Offer(toes.B, fromB, sentB);
            toes.Settle();
            atA.Write(toes.A.ReadAll());
            atB.Write(toes.B.ReadAll());
            toes.Settle();
            if (betweenRounds is not null)
            {
                betweenRounds();
            }

            if (toes.A.Send.Count > 0 || toes.B.Send.Count > 0)
            {
                toes.StepToNextDeadline(toes.Now + Microseconds.FromMilliseconds(1));
            }

            Assert.True(toes.Now < deadline, $"seed {seed}: stalled at {atB.Length} and {atA.Length} of {bytes} bytes");
        }

        Assert.Equal(SHA256.HashData(fromA), SHA256.HashData(atB.ToArray()));
        Assert.Equal(SHA256.HashData(fromB), SHA256.HashData(atA.ToArray()));
    }

    private static int Offer(TwoToes.Side side, byte[] bytes, int from)
    {
        int count = Math.Min(Math.Min(256 << 10, bytes.Length - from), side.Send.Limit - side.Send.Count);
        if (count > 0)
        {
            side.Write(bytes.AsSpan(from, count));
        }

        return count;
    }
}

internal static class TransferEntryEpoch
{
    public static uint Epoch(this TransferEntry entry) => entry.Variables.Epoch.Value;
}
