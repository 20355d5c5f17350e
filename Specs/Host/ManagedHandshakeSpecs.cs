using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Set-up between two managed stacks: RFC 9293 3.5 and 3.10.7.1 to 3.10.7.4 for LISTEN, SYN-SENT and SYN-RECEIVED.</summary>
public sealed class ManagedHandshakeSpecs
{
    public static TheoryData<bool, bool> Framings => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Framings))]
    public void Every_combination_of_offered_options_is_negotiated_alike_by_both_ends(bool ipv6, bool tagged)
    {
        for (int offers = 0; offers < 1024; offers++)
        {
            HandshakeOptions a = Offer(offers & 31);
            HandshakeOptions b = Offer(offers >> 5);
            using var pair = new ManagedPair(new ManagedPairOptions
            {
                IPv6 = ipv6,
                Encapsulation = tagged ? new MacEncapsulation(IsTagged: true, VlanId: 77, Priority: 5) : default,
                HandshakeA = a,
                HandshakeB = b,
            });

            (ManagedEnd atA, ManagedEnd atB) = pair.Establish();

            ConnectionInvariants ofA = Invariants(atA, pair.A, out SegmentInvariants segmentOfA);
            ConnectionInvariants ofB = Invariants(atB, pair.B, out SegmentInvariants segmentOfB);
            string which = $"A {a}, B {b}";
            Assert.True(ofA.TimestampsEnabled == (a.Timestamps && b.Timestamps) && ofB.TimestampsEnabled == ofA.TimestampsEnabled, which);
            Assert.True(ofA.SackPermitted == (a.Sack && b.Sack) && ofB.SackPermitted == ofA.SackPermitted, which);
            Assert.True(ofA.EcnNegotiated == (a.Ecn && b.Ecn) && ofB.EcnNegotiated == ofA.EcnNegotiated, which);
            int shift = a.WindowScale && b.WindowScale ? 7 : 0;
            Assert.True(ofA.SendWindowScale == shift && ofA.ReceiveWindowScale == shift, which);
            Assert.True(ofB.SendWindowScale == shift && ofB.ReceiveWindowScale == shift, which);

            // RFC 9293 3.7.1: 536 (IPv6: 1220) without an MSS option; RFC 6691: timestamps come off.
            int full = ipv6 ? 1440 : 1460;
            int assumed = ipv6 ? 1220 : 536;
            Assert.True(ofA.PeerMss == (b.Mss ? full : assumed) && ofB.PeerMss == (a.Mss ? full : assumed), which);
            Assert.True(segmentOfA.EffectiveMss == ofA.PeerMss - (ofA.TimestampsEnabled ? 12 : 0), which);
            Assert.True(segmentOfB.EffectiveMss == ofB.PeerMss - (ofB.TimestampsEnabled ? 12 : 0), which);
            Assert.Equal(ofA.InitialSendSequence, ofB.InitialReceiveSequence);
            Assert.Equal(ofB.InitialSendSequence, ofA.InitialReceiveSequence);
        }
    }

    // CVE-2019-11479
    [Theory]
    [InlineData(0, 48)]
    [InlineData(1, 48)]
    [InlineData(59, 48)]
    [InlineData(61, 49)]
    public void A_peer_that_offers_a_tiny_MSS_does_not_get_tiny_segments(ushort offer, int mss)
    {
        using var pair = new ManagedPair();
        var flow = FlowKey.From(new IPEndPoint(pair.B.Address, 40_000), pair.Listener.Local);
        Send(new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = flow,
            Seq = new SeqNum(700),
            Flags = TcpFlags.Syn,
            Window = 1000,
            Options = new TcpOptions { Mss = offer, HasTimestamps = true, TsVal = 1 },
        });
        SentSegment synAck = Assert.Single(pair.A.Tap.Sent);
        Send(new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = flow,
            Seq = new SeqNum(701),
            Ack = synAck.Seq + 1,
            Flags = TcpFlags.Ack,
            Window = 1000,
            Options = new TcpOptions { HasTimestamps = true, TsVal = 2, TsEcr = synAck.Options.TsVal },
        });

        Assert.True(pair.Listener.TryAccept(out ManagedHalf? half));
        Invariants(new ManagedEnd(pair.A, half), pair.A, out SegmentInvariants segment);
        Assert.Equal(mss, segment.EffectiveMss);

        void Send(FrameBuilder frame)
        {
            pair.B.SendRaw(frame.ToArray());
            pair.A.Step();
        }
    }

    // RFC 7323 2.3
    [Fact]
    public void A_shift_above_14_counts_as_14()
    {
        using var pair = new ManagedPair();
        var flow = FlowKey.From(new IPEndPoint(pair.B.Address, 40_000), pair.Listener.Local);
        FrameBuilder From(uint seq, SeqNum ack, TcpFlags flags, TcpOptions options) => new()
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = flow,
            Seq = new SeqNum(seq),
            Ack = ack,
            Flags = flags,
            Window = 1000,
            Options = options,
        };

        pair.B.SendRaw(From(700, default, TcpFlags.Syn, new TcpOptions { WindowScale = 15 }).ToArray());
        pair.A.Step();
        SeqNum iss = Assert.Single(pair.A.Tap.Sent).Seq;
        pair.B.SendRaw(From(701, iss + 1, TcpFlags.Ack, default).ToArray());
        pair.A.Step();

        Assert.True(pair.Listener.TryAccept(out ManagedHalf? half));
        Assert.Equal(1000u << 14, half.Query().SndWnd);
        Assert.Equal(14, Invariants(new ManagedEnd(pair.A, half), pair.A, out _).SendWindowScale);
    }

    // RFC 7323 2.2
    [Fact]
    public void The_window_of_a_segment_with_SYN_is_not_scaled()
    {
        using var pair = new ManagedPair();
        (ManagedEnd _, ManagedEnd b) = pair.Establish();

        SentSegment synAck = pair.A.Tap.Sent.First(segment => segment.Is(TcpFlags.Syn | TcpFlags.Ack));
        Assert.True(synAck.Options.WindowScale > 0);
        Assert.Equal(synAck.Frame[48] << 8 | synAck.Frame[49], (int)b.Half.Query().SndWnd);
        Assert.Equal(ushort.MaxValue, b.Half.Query().SndWnd);
    }

    [Fact]
    public void A_lost_SYN_is_sent_again_after_1_2_and_4_seconds()
    {
        using var pair = new ManagedPair();
        Microseconds start = pair.Now;
        var times = new List<long>();
        pair.B.Tap.Loses = segment =>
        {
            if (segment.Is(TcpFlags.Syn))
            {
                times.Add((pair.Now - start).Value / 100_000);
            }

            return times.Count < 4;
        };

        Task<ManagedHalf> connecting = pair.Connect();
        while (!connecting.IsCompleted && pair.StepToNextDeadline())
        {
        }

        // RFC 6298 2.1 and 5.5, in tenths of a second.
        Assert.Equal([0, 10, 30, 70], times);
        Assert.Equal(3, pair.B.Stack.Counters.SynRetransmissions);
        var end = pair.B.EndOf(connecting);
        SegmentVariants variants = end.Half.Query();

        // RFC 5681 3.1 and RFC 6298 5.7.
        Assert.Equal(1448u, variants.CongestionWindow);
        Assert.Equal(Microseconds.FromSeconds(3), variants.Rto);
    }

    [Fact]
    public void A_lost_SYN_ACK_is_sent_again()
    {
        using var pair = new ManagedPair();
        pair.A.Tap.Loses = segment => pair.A.Tap.Sent.Count == 1;

        (ManagedEnd a, ManagedEnd b) = pair.Establish();

        Assert.True(pair.A.Tap.Sent.Count(segment => segment.Is(TcpFlags.Syn | TcpFlags.Ack)) >= 2);
        Assert.Equal((TcpState.Established, TcpState.Established), (a.State, b.State));
    }

    [Fact]
    public void A_lost_third_segment_is_made_good_by_the_first_data()
    {
        using var pair = new ManagedPair();
        pair.B.Tap.Loses = segment => segment.Is(TcpFlags.Ack) && segment.Length == 0;
        Task<ManagedHalf> connecting = pair.Connect();
        pair.Settle();
        var b = pair.B.EndOf(connecting);

        b.Write("hello"u8);
        pair.Settle();

        Assert.True(pair.Listener.TryAccept(out ManagedHalf? half));
        Assert.Equal("hello"u8.ToArray(), new ManagedEnd(pair.A, half).ReadAll());
    }

    [Fact]
    public void Without_an_answer_a_connect_times_out_after_more_than_three_minutes()
    {
        using var pair = new ManagedPair();
        pair.B.Tap.Loses = static _ => true;
        Microseconds start = pair.Now;

        Task<ManagedHalf> connecting = pair.Connect();
        while (pair.StepToNextDeadline())
        {
        }

        // RFC 9293 3.8.3, MUST-23.
        Assert.True(pair.Now - start > Microseconds.FromSeconds(180), $"{pair.Now - start}");
        Assert.Equal(SocketError.TimedOut, ErrorOf(connecting));
        Assert.Equal(8, pair.B.Tap.Sent.Count);
        Assert.Equal(0, pair.B.Stack.Count);
    }

    [Fact]
    public void A_half_open_connection_is_forgotten_when_its_SYN_ACK_stays_unanswered()
    {
        using var pair = new ManagedPair();
        pair.A.Tap.Loses = static _ => true;
        Task<ManagedHalf> connecting = pair.Connect();
        pair.Settle();
        Assert.Equal(1, pair.Listener.Pending);
        pair.B.Tap.Loses = static _ => true;

        while (pair.StepToNextDeadline())
        {
        }

        Assert.Equal(0, pair.Listener.Pending);
        Assert.Equal(0, pair.A.Stack.Count);
        Assert.Equal(SocketError.TimedOut, ErrorOf(connecting));
    }

    [Fact]
    public void A_connect_to_a_port_that_nobody_listens_on_is_refused()
    {
        using var pair = new ManagedPair();

        Task<ManagedHalf> connecting = pair.B.Stack.ConnectAsync(new IPEndPoint(pair.A.Address, 81));
        pair.Settle();

        Assert.Equal(SocketError.ConnectionRefused, ErrorOf(connecting));
        SentSegment answer = Assert.Single(pair.A.Tap.Sent);

        // RFC 9293 3.10.7.1: SEQ=0, ACK=SEG.SEQ+SEG.LEN.
        Assert.True(answer.Is(TcpFlags.Rst | TcpFlags.Ack));
        Assert.Equal(0u, answer.Seq.Value);
        Assert.Equal(pair.B.Tap.Sent[0].Seq + 1, answer.Ack);
    }

    [Fact]
    public void A_connect_that_is_cancelled_leaves_nothing()
    {
        using var pair = new ManagedPair();
        using var cancellation = new CancellationTokenSource();
        Task<ManagedHalf> connecting = pair.B.Stack.ConnectAsync(pair.Listener.Local, cancellation.Token);

        cancellation.Cancel();

        Assert.True(connecting.IsCanceled);
        Assert.Equal(0, pair.B.Stack.Count);

        // The peer's SYN,ACK now meets nothing and is reset, so nothing stays there either.
        pair.Settle();
        Assert.Equal(0, pair.A.Stack.Count);
        Assert.Equal(0, pair.Listener.Pending);
    }

    [Fact]
    public void Without_a_neighbour_a_host_is_unreachable()
    {
        using var pair = new ManagedPair();
        Assert.Equal(SocketError.HostUnreachable, ErrorOf(pair.B.Stack.ConnectAsync(IPEndPoint.Parse("10.0.0.99:80"))));
        Assert.Equal(SocketError.AddressNotAvailable, ErrorOf(pair.B.Stack.ConnectAsync(IPEndPoint.Parse("[fd00::a]:80"))));
    }

    [Fact]
    public void A_full_backlog_drops_the_SYN_and_takes_it_when_there_is_room()
    {
        using var pair = new ManagedPair();
        Task<ManagedHalf>[] connecting = [.. Enumerable.Range(0, 5).Select(_ => pair.Connect())];
        pair.Settle();
        Assert.Equal(4, connecting.Count(each => each.IsCompleted));
        Assert.Equal(1, pair.A.Stack.Counters.BacklogOverflow);
        Assert.Equal(4, pair.Listener.Pending);

        Assert.True(pair.Listener.TryAccept(out _));
        pair.Pass(Microseconds.FromSeconds(2));

        Assert.Equal(5, connecting.Count(each => each.IsCompletedSuccessfully));
    }

    [Fact]
    public void Two_simultaneous_opens_make_one_connection()
    {
        using var pair = new ManagedPair();
        Task<ManagedHalf> fromB = pair.Connect();
        FlowKey flow = FlowKey.From(
            new IPEndPoint(pair.B.Address, pair.B.Tap.Sent[0].SourcePort), new IPEndPoint(pair.A.Address, 80));

        // A's own opening of the same name crosses B's on the wire.
        var opening = new ActiveOpening(pair.A.Stack, flow.Reversed);
        Assert.True(pair.A.Stack.TryAdd(opening));
        Task<ManagedHalf> fromA = opening.OpenAsync(CancellationToken.None);
        pair.Settle();

        Assert.True(fromA.IsCompletedSuccessfully && fromB.IsCompletedSuccessfully);
        var a = pair.A.EndOf(fromA);
        var b = pair.B.EndOf(fromB);
        a.Write("a"u8);
        b.Write("b"u8);
        pair.Settle();
        Assert.Equal("b"u8.ToArray(), a.ReadAll());
        Assert.Equal("a"u8.ToArray(), b.ReadAll());
    }

    [Fact]
    public void A_listener_that_ends_resets_what_was_not_accepted_and_its_port_is_free()
    {
        using var pair = new ManagedPair();
        Task<ManagedHalf> connecting = pair.Connect();
        pair.Settle();
        var b = pair.B.EndOf(connecting);
        Assert.Throws<SocketException>(() => pair.A.Stack.Listen(pair.Listener.Local));

        pair.Listener.Dispose();
        pair.Settle();

        Assert.Equal(["end of input ConnectionReset", "end of output ConnectionReset"], b.Told);
        pair.A.Stack.Listen(pair.Listener.Local).Dispose();
    }

    [Fact]
    public void Initial_sequence_numbers_differ_by_connection_and_grow_by_one_in_4_microseconds()
    {
        var secrets = new FlowSecrets("a secret of enough bytes"u8);
        FlowKey flow = FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:40000"));

        // RFC 6528 3.
        SeqNum first = secrets.InitialSequence(in flow, Microseconds.Zero);
        Assert.Equal(first + 250_000, secrets.InitialSequence(in flow, Microseconds.FromSeconds(1)));
        FlowKey other = flow with { RemotePort = 40001 };
        Assert.NotEqual(first, secrets.InitialSequence(in other, Microseconds.Zero));
        Assert.NotEqual(first, new FlowSecrets("another secret of them"u8).InitialSequence(in flow, Microseconds.Zero));
        Assert.Throws<ArgumentException>(() => new FlowSecrets("short"u8));
    }

    private static HandshakeOptions Offer(int bits) => new()
    {
        Mss = (bits & 1) != 0,
        WindowScale = (bits & 2) != 0,
        Sack = (bits & 4) != 0,
        Timestamps = (bits & 8) != 0,
        Ecn = (bits & 16) != 0,
    };

    private static ConnectionInvariants Invariants(ManagedEnd end, ManagedSide side, out SegmentInvariants segment)
    {
        var taken = Assert.IsType<TakeOut.Taken>(end.Half.TakeOutAlone(side.Gate));
        segment = taken.Segment;
        return taken.Connection;
    }

    private static SocketError ErrorOf(Task task) =>
        Assert.IsType<SocketException>(task.Exception?.InnerException).SocketErrorCode;
}
