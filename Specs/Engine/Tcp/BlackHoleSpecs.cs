using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>RFC 4821: a path that swallows large packets and says nothing.</summary>
public class BlackHoleSpecs
{
    private const int Full = 1448;
    private const int Headers = 52;

    private static readonly Scenario Path = new() { Rate = 100.Mbit, Rtt = 20.ms, Congestion = "cubic" };

    [Theory]
    [InlineData(1100, 3)]
    [InlineData(1300, 3)]
    [InlineData(1480, 3)]
    [InlineData(700, 6)]
    public void Three_time_outs_find_it_and_probes_find_what_passes(int passes, int timeOuts) =>
        Replay.Run(0x5EED_5000, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Passes = passes } });
            a.Writes(8.MiB);
            world.RunUntil(b.HasRead(8.MiB), limit: 120.s);

            // RFC 4821 7.3: to within 32 bytes. 7.6.2: no lost probe was taken for congestion.
            Assert.InRange(a.Variants.PathSearch.Limit(Full), passes - Headers - 32, passes - Headers);
            Assert.Equal((timeOuts, timeOuts / 3, 0), (a.Counters.RetransmissionTimeouts, a.Counters.BlackHolesFound, a.Counters.FastRetransmits));
        });

    [Fact]
    public void After_an_outage_one_probe_of_the_full_size_ends_the_suspicion() =>
        Replay.Run(0x5EED_5001, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Blackouts = [new Blackout(1.s + 100.ms, 4.s)] } });
            a.Writes(4.MiB);
            world.RunUntil(() => a.Variants.PathSearch.IsLimited, limit: 5.s);
            world.RunUntil(() => !a.Variants.PathSearch.IsLimited, limit: 5.s);
            world.RunUntil(b.HasRead(4.MiB), limit: 10.s);
            Assert.Equal(0, a.Counters.FastRetransmits);
        });

    [Fact]
    public void What_was_found_moves_with_the_connection() =>
        Replay.Run(0x5EED_5002, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Passes = 1300 } });
            a.Writes(16.MiB);
            world.RunUntil(b.HasRead(8.MiB), limit: 120.s);
            (int limit, int timeOuts) = (a.Variants.PathSearch.Limit(Full), a.Counters.RetransmissionTimeouts);
            a.Move(pause: 1.ms);
            world.RunUntil(b.HasRead(16.MiB), limit: 120.s);
            Assert.Equal((limit, timeOuts), (a.Variants.PathSearch.Limit(Full), a.Counters.RetransmissionTimeouts));
        });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_ten_minutes_the_path_is_tried_again(bool isWiderNow) =>
        Replay.Run(0x5EED_5003, world =>
        {
            SimulatedFlow flow = world.Pair(Path with { Faults = new Faults { Passes = 1300 } });
            (EngineNode a, EngineNode b) = flow;
            a.Writes(8.MiB);
            world.RunUntil(b.HasRead(8.MiB), limit: 120.s);
            int limit = a.Variants.PathSearch.Limit(Full);
            flow.LinkOfA.Faults = isWiderNow ? Faults.None : flow.LinkOfA.Faults;
            a.Writes(1.MiB);
            world.RunUntil(b.HasRead(9.MiB), limit: 120.s);
            Assert.Equal(limit, a.Variants.PathSearch.Limit(Full));
            world.RunFor(601.s);
            long swallowed = flow.LinkOfA.Befallen.Swallowed;
            a.Writes(8.MiB);
            world.RunUntil(b.HasRead(17.MiB), limit: 120.s);

            Assert.Equal(isWiderNow ? Full : limit, a.Variants.PathSearch.Limit(Full));
            Assert.Equal((3, 0), (a.Counters.RetransmissionTimeouts, a.Counters.FastRetransmits));
            Assert.InRange(flow.LinkOfA.Befallen.Swallowed - swallowed, isWiderNow ? 0 : 1, isWiderNow ? 0 : 10);
        });

    [Fact]
    public void Losses_of_other_segments_do_not_lead_astray() =>
        Replay.RunMany(0x5EED_5004, 10, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Passes = 1300, Loss = 0.01 } });
            a.Writes(16.MiB);
            world.RunUntil(b.HasRead(16.MiB), limit: 120.s);

            // A probe that got through is a fact; one that was lost by chance may have ended the search too early.
            Assert.InRange(a.Variants.PathSearch.Limit(Full), 1024 - Headers, 1300 - Headers);
        });

    [Fact]
    public void Without_SACK_nothing_is_tried_and_everything_arrives() =>
        Replay.Run(0x5EED_5005, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Sack = false, Faults = new Faults { Passes = 1300 } });
            a.Writes(4.MiB);
            world.RunUntil(b.HasRead(4.MiB), limit: 60.s);
            Assert.Equal(1024 - Headers, a.Variants.PathSearch.Limit(Full));
        });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_next_hop_or_a_path_that_is_news_is_believed(bool isNextHop) =>
        Replay.Run(0x5EED_5006, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Passes = 1300 } });
            a.Writes(1.MiB);
            world.RunUntil(b.HasRead(1.MiB), limit: 120.s);
            a.Update(i => i with { Path = i.Path with { Mtu = 1400 }, EffectiveMss = 1348 });
            Assert.True(a.Variants.PathSearch.IsLimited);
            a.Update(i => isNextHop
                ? i with { Neighbor = i.Neighbor with { Mac = new MacAddress([2, 0, 0, 0, 0, 0x77]) } }
                : i with { Path = i.Path with { Mtu = 1500 }, EffectiveMss = Full });
            Assert.False(a.Variants.PathSearch.IsLimited);
        });

    [Fact]
    public void Small_segments_that_vanish_are_no_sign_of_it() =>
        Replay.Run(0x5EED_5007, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Path with { Faults = new Faults { Blackouts = [new Blackout(1.s, 12.s)] } });
            a.Writes(900);
            world.RunUntil(b.HasRead(900), limit: 30.s);
            Assert.InRange(a.Counters.RetransmissionTimeouts, 3, 10);
            Assert.Equal(0, a.Counters.BlackHolesFound);
        });

    [Fact]
    public void Segments_of_IPv6_stay_at_what_every_link_carries()
    {
        ConnectionInvariants connection = Setup.Connection with
        {
            Flow = FlowOfIPv6,
            PeerMss = 1440,
            TimestampsEnabled = true,
        };
        var search = default(PathSearch);
        Assert.True(search.OnFullStop(connection, mss: 1428, length: 10_000));
        Assert.Equal(1280 - 72, search.Limit(1428));
        Assert.False(search.OnFullStop(connection, mss: 1428, length: 10_000));
    }

    // RFC 4821 7.1: search_high is no more than what the path is known to take.
    [Fact]
    public void A_path_that_is_known_to_be_narrower_meanwhile_is_searched_up_to_that()
    {
        var search = default(PathSearch);
        Assert.True(search.OnFullStop(Setup.Connection with { PeerMss = 1460 }, mss: 1460, length: 1460));
        Assert.Equal(1460, search.ToTry(1460, 1.s));
        Assert.Equal(1360, search.ToTry(1360, 2.s));
        search.OnArrived(1360, 1360, 3.s);
        Assert.False(search.IsLimited);
    }

    [Fact]
    public void A_probe_that_is_lost_with_others_is_tried_twice_more()
    {
        var search = default(PathSearch);
        Assert.True(search.OnFullStop(Setup.Connection with { PeerMss = 1460 }, mss: 1460, length: 1460));
        Microseconds now = 1.s;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(1460, search.ToTry(1460, now));
            search.OnInconclusive(1460, now);
        }

        Assert.InRange(search.ToTry(1460, now), 985, 1459);
    }

    private static FlowKey FlowOfIPv6 => FlowKey.From(IPEndPoint.Parse("[fd77::1]:7"), IPEndPoint.Parse("[fd77::2]:1024"));
}
