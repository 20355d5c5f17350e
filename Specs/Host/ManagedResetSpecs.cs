using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Managed;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Resets, and what a managed stack does with segments that it has no use for: RFC 9293 3.5.2, 3.5.3, 3.10.7.1.</summary>
public sealed class ManagedResetSpecs
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_abort_resets_the_other_end(bool aAborts)
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        (ManagedEnd aborts, ManagedEnd hears) = aAborts ? (a, b) : (b, a);

        aborts.Half.Abort();
        pair.Settle();

        Assert.Equal(["closed"], aborts.Told);
        Assert.Equal(["end of input ConnectionReset", "end of output ConnectionReset"], hears.Told);
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
        hears.Half.Close();
        Assert.Equal("closed", hears.Told[^1]);
    }

    [Fact]
    public void A_reset_that_came_before_the_start_is_told_at_the_start()
    {
        using var pair = new ManagedPair();
        Task<ManagedHalf> connecting = pair.Connect();
        pair.Settle();
        Assert.True(pair.Listener.TryAccept(out ManagedHalf? accepted));
        pair.B.EndOf(connecting).Half.Abort();
        pair.Settle();

        var late = new ManagedEnd(pair.A, accepted);

        Assert.Equal(["end of input ConnectionReset", "end of output ConnectionReset"], late.Told);
    }

    [Fact]
    public void A_reset_after_the_peers_FIN_ends_only_the_output()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Half.ShutdownSend();
        pair.Settle();

        b.Half.Abort();
        pair.Settle();

        Assert.Equal(["end of input", "end of output ConnectionReset"], a.Told);
    }

    [Fact]
    public void Closing_with_unread_data_is_a_reset()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Write("unread"u8);
        pair.Settle();

        // RFC 9293 3.6.1, SHLD-3.
        a.Half.Close();
        pair.Settle();

        Assert.Equal(["closed"], a.Told);
        Assert.Equal(["end of input ConnectionReset", "end of output ConnectionReset"], b.Told);
    }

    [Fact]
    public void Data_after_a_close_is_a_reset()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        a.Half.Close();
        pair.Settle();

        b.Write("too late"u8);
        pair.Settle();

        Assert.Equal(["closed"], a.Told);
        Assert.Equal(["end of input", "end of output ConnectionReset"], b.Told);
    }

    [Fact]
    public void Data_with_a_FIN_after_a_close_is_a_reset_too()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        a.Half.Close();
        pair.Settle();
        SegmentVariants variants = b.Half.Query();
        var options = new TcpOptions { HasTimestamps = true, TsVal = pair.B.Tap.Sent[^1].Options.TsVal };

        pair.B.SendRaw(Frame(
            pair, b.Half.Flow, variants.SndNxt, variants.RcvNxt, TcpFlags.Ack | TcpFlags.Fin, "too late"u8, options));
        pair.Settle();

        Assert.Equal(["closed"], a.Told);
        Assert.True(pair.A.Tap.Sent[^1].Is(TcpFlags.Rst));
    }

    [Fact]
    public void An_RST_beside_RCV_NXT_is_challenged_and_changes_nothing()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        pair.A.Tap.Sent.Clear();

        // RFC 5961 3.2.
        Inject(pair, b, b.Half.Query().SndNxt + 10, TcpFlags.Rst);

        Assert.Equal(TcpState.Established, a.State);
        Assert.True(Assert.Single(pair.A.Tap.Sent).Is(TcpFlags.Ack));
    }

    [Fact]
    public void A_SYN_on_a_connection_is_challenged()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        pair.A.Tap.Sent.Clear();

        Inject(pair, b, new SeqNum(12345), TcpFlags.Syn);

        Assert.Equal(TcpState.Established, a.State);
        Assert.True(Assert.Single(pair.A.Tap.Sent).Is(TcpFlags.Ack));
    }

    [Fact]
    public void A_segment_of_no_connection_is_answered_as_RFC_9293_says()
    {
        using var pair = new ManagedPair();
        FlowKey flow = FlowKey.From(new(pair.B.Address, 5000), new(pair.A.Address, 4000));

        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), new SeqNum(900), TcpFlags.Ack, "abc"u8));
        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), default, TcpFlags.Fin, "abc"u8));
        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), new SeqNum(900), TcpFlags.Rst | TcpFlags.Ack, default));
        pair.A.Step();

        Assert.Collection(
            pair.A.Tap.Sent,
            segment => Assert.Equal((TcpFlags.Rst, new SeqNum(900)), (segment.Flags, segment.Seq)),
            segment => Assert.Equal((TcpFlags.Rst | TcpFlags.Ack, new SeqNum(704)), (segment.Flags, segment.Ack)));
        Assert.Equal(2, pair.A.Stack.Counters.ResetsSent);
    }

    [Fact]
    public void LISTEN_resets_an_ACK_and_ignores_an_RST_and_what_has_neither_SYN_nor_ACK()
    {
        using var pair = new ManagedPair();
        FlowKey flow = FlowKey.From(new(pair.B.Address, 5000), pair.Listener.Local);

        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), new SeqNum(900), TcpFlags.Ack, default));
        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), default, TcpFlags.Rst, default));
        pair.B.SendRaw(Frame(pair, flow, new SeqNum(700), default, TcpFlags.Fin, default));
        pair.A.Step();

        SentSegment answer = Assert.Single(pair.A.Tap.Sent);
        Assert.Equal((TcpFlags.Rst, new SeqNum(900)), (answer.Flags, answer.Seq));
        Assert.Equal(2, pair.A.Stack.Counters.Ignored);
        Assert.Equal(0, pair.A.Stack.Count);
    }

    [Fact]
    public void What_is_malformed_or_not_for_this_host_is_dropped_and_counted()
    {
        using var pair = new ManagedPair();
        FlowKey flow = FlowKey.From(new(pair.B.Address, 5000), pair.Listener.Local);
        byte[] syn = Frame(pair, flow, new SeqNum(1), default, TcpFlags.Syn, default);

        SendChanged(pair, syn, static frame => frame[5] ^= 1);
        SendChanged(pair, syn, static frame => frame[12] = 0x99);
        SendChanged(pair, syn, static frame => frame[24] ^= 1);
        pair.B.SendRaw(syn.AsSpan(0, 13));
        pair.B.SendRaw([]);

        // A data offset that is impossible, under a checksum that is right.
        SendChanged(pair, syn, static frame =>
        {
            frame[34 + 12] = 0x10;
            int sum = (frame[34 + 16] << 8 | frame[34 + 17]) + 0x4000;
            sum = (sum & 0xffff) + (sum >> 16);
            (frame[34 + 16], frame[34 + 17]) = ((byte)(sum >> 8), (byte)sum);
        });
        FlowKey elsewhere = flow with { RemoteAddress = InternetAddress.From(System.Net.IPAddress.Parse("10.0.0.77")) };
        pair.B.SendRaw(Frame(pair, elsewhere, new SeqNum(1), default, TcpFlags.Syn, default));
        pair.A.Step();

        ManagedStackCounters counters = pair.A.Stack.Counters;
        Assert.Equal((4, 2, 1), (counters.NotIp, counters.NotForUs, counters.Malformed));
        Assert.Equal(0, pair.A.Stack.Count);
        Assert.Empty(pair.A.Tap.Sent);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_segments_and_random_flips_break_nothing(int seed)
    {
        var random = new Random(seed);
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        pair.A.Tap.Records = pair.B.Tap.Records = false;
        byte[] buffer = new byte[120];
        for (int i = 0; i < 20_000; i++)
        {
            var flags = (TcpFlags)random.Next(256);
            FlowKey flow = random.Next(3) == 0
                ? FlowKey.From(new(pair.B.Address, random.Next(1, 65536)), pair.Listener.Local)
                : b.Half.Flow;
            var seq = new SeqNum((uint)random.NextInt64());
            var ack = new SeqNum((uint)random.NextInt64());
            byte[] frame = Frame(pair, flow, seq, ack, flags, buffer.AsSpan(0, random.Next(60)));
            if (random.Next(2) == 0)
            {
                frame[random.Next(frame.Length)] ^= (byte)random.Next(1, 256);
            }

            pair.B.SendRaw(frame);
            pair.A.Step();
        }

        Assert.True(pair.A.Dispatcher.Counters.Failures == 0, $"seed {seed}: {pair.A.Dispatcher.Counters}");

        // A blind attacker has moved nothing (RFC 5961).
        Assert.True(a.State == TcpState.Established, $"seed {seed}: {a.State}");
        pair.Pass(Microseconds.FromSeconds(1));
        a.ReadAll();
        a.Write("still here"u8);
        pair.Pass(Microseconds.FromSeconds(1));
        Assert.True(b.ReadAll().AsSpan().SequenceEqual("still here"u8), $"seed {seed}");
    }

    private static void Inject(ManagedPair pair, ManagedEnd from, SeqNum seq, TcpFlags flags)
    {
        SegmentVariants variants = from.Half.Query();
        pair.B.SendRaw(Frame(pair, from.Half.Flow, seq, variants.RcvNxt, flags, default));
        pair.A.Step();
    }

    private static void SendChanged(ManagedPair pair, byte[] frame, Action<byte[]> change)
    {
        byte[] copy = [.. frame];
        change(copy);
        pair.B.SendRaw(copy);
    }

    private static byte[] Frame(
        ManagedPair pair, FlowKey flow, SeqNum seq, SeqNum ack, TcpFlags flags, ReadOnlySpan<byte> payload, TcpOptions options = default) =>
        new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = flow,
            Seq = seq,
            Ack = ack,
            Flags = flags,
            Window = 1000,
            Options = options,
            Payload = payload,
        }.ToArray();
}
