using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class BlindAttackSpecs
{
    // RFC 5961 3.2
    [Fact]
    public void An_RST_exactly_at_RCV_NXT_is_the_hosts()
    {
        using Conversation link = new();
        SegmentVariants before = link.V;
        Verdict verdict = link.Receives(0.s, link.Ack(flags: TcpFlags.Rst));
        Assert.Equal(Verdict.Upload(UploadReason.PeerReset), verdict);
        Assert.Equal(before, link.V);
        link.SendsNothing();
    }

    // RFC 5961 3.2
    [Fact]
    public void An_RST_elsewhere_in_the_window_gets_a_challenge_ACK()
    {
        using Conversation link = new();
        Verdict verdict = link.Receives(1.s, link.Ack(seq: 1, flags: TcpFlags.Rst));
        Assert.Equal(Verdict.Dropped, verdict);
        link.Sends(1.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
        Assert.Equal(1, link.Engine.Counters.ChallengeAcksSent);
    }

    // RFC 5961 3.2
    [Theory]
    [InlineData(-1)]
    [InlineData(20000)]
    public void An_RST_outside_the_window_is_dropped_in_silence(int seq)
    {
        using Conversation link = new();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(seq: seq, flags: TcpFlags.Rst)));
        link.SendsNothing(until: 10.s);
    }

    // RFC 9293 3.10.7.4: special allowance for RSTs while the window is closed.
    [Fact]
    public void An_RST_at_RCV_NXT_of_a_closed_window_is_the_hosts()
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        Assert.Equal(UploadReason.PeerReset, link.Receives(2.s, link.Ack(seq: 1000, flags: TcpFlags.Rst)).Reason);
    }

    // RFC 9293 3.5.3, SHLD-2: it may say why, and is judged by where it begins.
    [Theory]
    [InlineData(0, 20_000)]
    [InlineData(1000, 1000)]
    public void An_RST_may_have_data(int seq, int buffer)
    {
        using Conversation link = new(receiveBuffer: buffer);
        link.Receives(1.s, link.Data(seq: 0, length: seq));
        SegmentVariants before = link.V;
        Assert.Equal(Verdict.Upload(UploadReason.PeerReset), link.Receives(1.s, link.Ack(seq: seq, length: 30, flags: TcpFlags.Rst)));
        Assert.Equal(before, link.V);
    }

    // RFC 5961 3.2
    [Fact]
    public void An_RST_that_begins_before_the_window_is_dropped_in_silence_though_its_data_reaches_into_it()
    {
        using Conversation link = new();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(seq: -10, length: 30, flags: TcpFlags.Rst)));
        link.SendsNothing(until: 10.s);
        Assert.Equal(1, link.Engine.Counters.DroppedReset);
    }

    // RFC 5961 3.2: what comes after a challenge is taken as ever.
    [Fact]
    public void After_a_challenge_the_connection_goes_on()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Ack(seq: 1, flags: TcpFlags.Rst), link.Ack(seq: 9) with { Flags = TcpFlags.Syn });
        link.Forgets();
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2)));
        link.Sends(1.s, ack: 2000);
    }

    // RFC 5961 4.2
    [Theory]
    [InlineData(0)]
    [InlineData(-100_000)]
    [InlineData(100_000)]
    public void A_SYN_anywhere_gets_a_challenge_ACK_and_the_host_a_notice(int seq)
    {
        using Conversation link = new();
        Verdict verdict = link.Receives(1.s, link.Ack(seq: seq) with { Flags = TcpFlags.Syn });
        Assert.Equal(new Verdict(VerdictKind.Dropped, SynNotice: true), verdict);
        link.Sends(1.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
    }

    // RFC 5961 4.2: a peer that has restarted cannot know our timestamps, and its SYN is answered all the same.
    [Fact]
    public void A_SYN_with_an_old_timestamp_gets_a_challenge_ACK()
    {
        using Conversation link = new(
            connection: Setup.Connection with { TimestampsEnabled = true },
            variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        Assert.True(link.Receives(1.s, link.Ack(tsVal: 1) with { Flags = TcpFlags.Syn }).SynNotice);
        link.Sends(1.s, ack: 0);
    }

    // RFC 5961 5.2
    [Theory]
    [InlineData(1)]
    [InlineData(-50001)]
    public void Data_with_an_unacceptable_ACK_is_answered_and_dropped(int ack)
    {
        using Conversation link = new(window: 50000);
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 0, length: 10, ack: ack)));
        link.Sends(1.s, seq: 0, ack: 0);
        Assert.Equal(new SeqNum(Conversation.Theirs), link.V.RcvNxt);
    }

    // RFC 5961 5.2
    [Theory]
    [InlineData(0)]
    [InlineData(-50000)]
    public void Data_with_an_ACK_up_to_MAX_WIN_old_is_accepted(int ack)
    {
        using Conversation link = new(window: 50000);
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 10, ack: ack)));
    }

    // RFC 5961 5.2: the largest window ever, as it was scaled, and not the present one.
    [Fact]
    public void MAX_WIN_is_the_largest_window_that_the_peer_ever_offered()
    {
        using Conversation link = new(Setup.Connection with { SendWindowScale = 2 }, window: 5000);
        link.Receives(1.s, link.Ack(window: 10_000), link.Ack(window: 10));
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 10, ack: -40_000)));
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 10, length: 10, ack: -40_001)));
    }

    // RFC 5961 5.2; SND.NXT falls back during a loss, what was sent before may still be acknowledged.
    [Fact]
    public void An_ACK_up_to_SND_MAX_is_accepted_while_SND_NXT_is_behind()
    {
        using Conversation link = new();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Sends(2.s, seq: 0, length: 1000);
        Assert.Equal(Verdict.Consumed, link.Receives(2.s, link.Ack(ack: 5000)));
        Assert.Equal(link.V.SndMax, link.V.SndNxt);
    }

    // RFC 5961 7
    [Fact]
    public void Challenge_ACKs_are_limited_to_ten_in_five_seconds()
    {
        using Conversation link = new();
        for (int i = 0; i < 25; i++)
        {
            link.Receives(1.s, link.Ack(seq: 1, flags: TcpFlags.Rst));
        }

        Assert.Equal(10, link.Forgets());
        Assert.Equal(15, link.Engine.Counters.RepliesSuppressed);
        link.Receives(6.s, link.Ack(seq: 1, flags: TcpFlags.Rst));
        link.Sends(6.s, ack: 0);
    }

    // ... and so are the notices, each of which is a message to the host.
    [Fact]
    public void A_flood_of_SYNs_is_noticed_as_often_as_it_is_answered()
    {
        using Conversation link = new();
        int notices = 0;
        for (int i = 0; i < 25; i++)
        {
            notices += link.Receives(1.s, link.Ack(seq: 1) with { Flags = TcpFlags.Syn }).SynNotice ? 1 : 0;
        }

        Assert.Equal((10, 10, 25), (notices, link.Forgets(), link.Engine.Counters.DroppedSyn));
    }

    // RFC 5961 7, RFC 9293 3.10.7.4: two peers that disagree must not answer each other's answers for ever.
    [Theory]
    [InlineData(-1)]
    [InlineData(-2)]
    public void Old_pure_ACKs_are_answered_ten_times_in_five_seconds_and_challenges_have_a_budget_of_their_own(int seq)
    {
        using Conversation link = new();
        for (int i = 0; i < 25; i++)
        {
            link.Receives(1.s, link.Ack(seq: seq));
        }

        Assert.Equal(10, link.Forgets());
        link.Receives(1.s, link.Ack(seq: 1, flags: TcpFlags.Rst));
        link.Sends(1.s, ack: 0);
    }

    // RFC 9293 3.8.4: the peer gives a connection up whose keep-alives are not answered.
    [Fact]
    public void Keep_alives_are_answered_in_a_flood_of_ACKs_from_outside_the_window()
    {
        using Conversation link = new();
        FloodBlindly(link, 1.s);
        link.Receives(2.s, link.Ack(seq: -1));
        link.Sends(2.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
    }

    // RFC 9293 3.8.6.1: Linux probes a closed window at RCV.NXT-1 without data, BSD at RCV.NXT with a byte.
    [Theory]
    [InlineData(999, 0)]
    [InlineData(999, 1)]
    [InlineData(1000, 1)]
    public void Probes_of_a_closed_window_are_answered_in_a_flood_of_ACKs_from_outside_the_window(int seq, int length)
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        FloodBlindly(link, 1.s);
        link.Receives(2.s, link.Data(seq, length));
        link.Sends(2.s, seq: 0, ack: 1000, window: 0, flags: TcpFlags.Ack);
    }

    [Fact]
    public void Old_data_is_always_answered_since_the_peer_waits_for_its_ACK()
    {
        using Conversation link = new();
        for (int i = 0; i < 25; i++)
        {
            link.Receives(1.s, link.Data(seq: -10, length: 10));
        }

        Assert.Equal(25, link.Forgets());
    }

    /// <summary>An attacker who knows the addresses and ports and neither end's sequence numbers uses up what he can.</summary>
    private static void FloodBlindly(Conversation link, Microseconds t)
    {
        for (int i = 1; i < 200; i++)
        {
            link.Receives(t, link.Ack(seq: 20_000_000 * i), link.Ack(seq: 20_000_000 * i) with { Flags = TcpFlags.Syn });
        }

        link.Forgets();
        Assert.NotEqual(0, link.Engine.Counters.RepliesSuppressed);
    }
}
