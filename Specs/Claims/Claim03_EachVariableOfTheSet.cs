using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Host;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claim 3: the segment-variant set holds each variable that the claim names. Each gets a value in the host's hands, is transferred with that,
/// changes in the TOE's hands by traffic that should change it, comes back with that, and the host goes on with it. On managed hosts in virtual
/// time, so that times remaining are compared to the microsecond. The kernel's part: Claim03_TheSetOnBothHosts.
/// </summary>
public sealed class Claim03_EachVariableOfTheSet() : TestKit(OffloadEngine.ReferenceConfig, "claim-3")
{
    private static readonly Row[] s_rows =
    [
        new("IP packet identifier", v => v.IpId, story => story.Send(3000), story => story.Send(5000))
        {
            // The first act of whoever gets a connection is a pure ACK.
            AfterFirstAck = id => (ushort)((ushort)id + 1),
        },
        new("time remaining for retransmission", v => v.RetransmitAt, story => story.LoseAndSend(Milliseconds(50)), story => story.Pass(Milliseconds(700)))
        {
            Most = Milliseconds(200 - 50 + 30),
        },
        new("time remaining for delayed acknowledgement", v => v.DelayedAckAt, story => story.OweAnAck(Milliseconds(10)), story => story.OweAnAck(Milliseconds(7)))
        {
            AfterFirstAck = _ => Microseconds.Never,
            Most = Milliseconds(40 - 10),
        },
        new("time remaining for keep alive", v => v.KeepAliveAt, story => story.Pass(Microseconds.FromSeconds(10)), story => story.Pass(Microseconds.FromSeconds(7195)))
        {
            Most = Microseconds.FromSeconds(7200 - 10),
        },
        new("time remaining for PUSH", v => v.PushAt, story => story.ReceiveWithoutPush(Milliseconds(2)), story => story.ReceiveWithoutPush(Milliseconds(1)))
        {
            Most = Milliseconds(5 - 2),
        },
        new("SND_CWIN", v => v.CongestionWindow, story => story.Send(30_000), story => story.Send(100_000)),
        new("SSTHRESH", v => v.SlowStartThreshold, story => story.LoseOneOf(20_000), story => story.LoseOneOf(60_000)),
        new("smoothed round trip time", v => v.SmoothedRtt, story => story.RoundTrip(Milliseconds(30)), story => story.RoundTrip(Milliseconds(90))),
        new("DELTA", v => v.Delta, story => story.RoundTrip(Milliseconds(30)), story => story.RoundTrip(Milliseconds(90))),
        new("timestamp", v => v.TsRecent, story => story.Receive(100), story => story.Receive(100)),
        new("SND_UNA", v => v.SndUna, story => story.Send(1000), story => story.Send(2000)),
        new("SND_NXT", v => v.SndNxt, story => story.LoseAndSend(Milliseconds(50)), story => story.Pass(Milliseconds(700))),
        new("SND_MAX", v => v.SndMax, story => story.Send(1000), story => story.Send(2000)),
        new("MAX_WIN", v => v.MaxWindow, story => story.LetPeerReadFast(100_000), story => story.LetPeerReadFast(1_000_000)),
        new("RCV_NXT", v => v.RcvNxt, story => story.Receive(1000), story => story.Receive(2000)),
        new("RCV_WND", v => v.RcvWnd, story => story.Receive(5000), story => story.Receive(9000)),
    ];

    public static TheoryData<string> Names => [.. s_rows.Select(row => row.Name)];

    // Fails when: SegmentVariants loses the field; for times also when Shifted leaves it out, for the others when ManagedHalf.TakeOut or
    // ConnectionSeat.GiveBack puts another value in its place.
    [Theory]
    [MemberData(nameof(Names))]
    public void A_variable_is_transferred_changes_under_traffic_and_comes_back(string name)
    {
        Row row = s_rows.Single(each => each.Name == name);
        using var story = new Story(Sys);
        object atFirst = row.Of(story.Host.Variants);

        row.InHost(story);
        object given = row.Of(story.Host.Variants);
        Assert.NotEqual(atFirst, given);

        // What travels of a deadline is the time that is left, not a moment of the host's clock, which began 1,000 s ago.
        Assert.True(given is not Microseconds left || left <= row.Most, $"{given}");
        Assert.True(story.Host.TryOffload());
        Assert.Equal(given, row.Of(story.Given));

        row.InToe(story);
        Assert.NotEqual(given, row.Of(story.Host.Variants));

        // Before it leaves, the TOE may wait for an acknowledgement for some milliseconds.
        story.Host.Upload(story.Pair);
        object changed = row.Of(story.Host.Committed);
        Assert.NotEqual(given, changed);
        Assert.Equal(changed, row.Of(story.Returned));
        Assert.Equal(row.AfterFirstAck(changed), row.Of(story.Host.Variants));
    }

    // Fails when: ConnectionActor.Take consumes a FIN instead of keeping it for the host.
    [Fact]
    public void The_TCP_state_goes_and_comes_back_as_ESTABLISHED_and_leaves_it_with_the_host()
    {
        using var story = new Story(Sys);
        Assert.True(story.Host.TryOffload());
        Assert.Equal(TcpState.Established, story.Given.State);

        story.Peer.Half.Close();
        story.Pair.Settle();
        Assert.Equal(TcpState.Established, story.Host.Variants.State);
        story.Host.Upload(story.Pair);
        Assert.Equal(TcpState.Established, story.Returned.State);
        story.Pair.Settle();

        Assert.Equal(TcpState.CloseWait, story.Host.Variants.State);
    }

    private static Microseconds Milliseconds(int count) => Microseconds.FromMilliseconds(count);

    /// <param name="Name">As the claim has it.</param>
    /// <param name="Of">Its value.</param>
    /// <param name="InHost">Traffic that gives it a value of its own while the host has it.</param>
    /// <param name="InToe">Traffic that changes it while the TOE has it.</param>
    private sealed record Row(string Name, Func<SegmentVariants, object> Of, Action<Story> InHost, Action<Story> InToe)
    {
        /// <summary>What becomes of it when its owner has begun.</summary>
        public Func<object, object> AfterFirstAck { get; init; } = static value => value;

        /// <summary>The longest that can be left of a time when the host hands it over.</summary>
        public Microseconds Most { get; init; } = Microseconds.Never;
    }

    /// <summary>A connection of two managed stacks, of which one has a TOE, and what can happen to it.</summary>
    private sealed class Story : IDisposable
    {
        private bool _loses;

        public Story(Akka.Actor.ActorSystem system)
        {
            Pair = new ManagedPair(
                new ManagedPairOptions
                {
                    Link = new InMemoryLinkOptions { Capabilities = LinkCapabilities.ChecksumOffload },
                    Change = options => options with { Tune = invariants => invariants with { KeepAliveEnabled = true } },
                },
                system);
            (Host, Peer) = Pair.Establish();
            Pair.A.Tap.Loses = _ => _loses;
        }

        public ManagedPair Pair { get; }

        public ManagedEnd Host { get; }

        public ManagedEnd Peer { get; }

        /// <summary>The variables that lay on the stack to the TOE.</summary>
        public SegmentVariants Given => Host.GivenVariants;

        /// <summary>The variables that lay on the stack back.</summary>
        public SegmentVariants Returned => Host.Returned!.Variables.Variants;

        public void Pass(Microseconds span) => Pair.Pass(span);

        public void Send(int bytes)
        {
            Host.Write(new byte[bytes]);
            Pair.Settle();
            Pair.Pass(Milliseconds(50));
            Assert.Equal(bytes, Peer.ReadAll(Pair).Length);
        }

        public void Receive(int bytes)
        {
            Pair.Wait(Milliseconds(3));
            Peer.Write(new byte[bytes]);
            Pair.Settle();
        }

        /// <summary>Nothing of ours gets through any more.</summary>
        public void LoseAndSend(Microseconds passed)
        {
            _loses = true;
            Host.Write(new byte[20_000]);
            Pair.Pass(passed);
        }

        public void LoseOneOf(int bytes)
        {
            SeqNum lost = Host.Variants.SndNxt + (bytes / 2);
            bool isLost = false;
            Pair.A.Tap.Loses = segment =>
            {
                bool loses = !isLost && segment.Seq <= lost && segment.Seq + segment.Length > lost;
                isLost |= loses;
                return loses;
            };
            Host.Write(new byte[bytes]);
            Pair.Pass(Milliseconds(500));
            Assert.True(isLost);
            Assert.Equal(bytes, Peer.ReadAll(Pair).Length);
        }

        /// <summary>Two segments and their acknowledgement take so long.</summary>
        public void RoundTrip(Microseconds time)
        {
            Host.Write(new byte[2000]);
            Pair.Wait(time);
            Pair.B.Step();
            Pair.Settle();
        }

        /// <summary>One more segment comes, which is not acknowledged yet.</summary>
        public void OweAnAck(Microseconds passed)
        {
            do
            {
                Peer.Write(new byte[100]);
                Pair.Settle();
            }
            while (Host.Variants.DelayedAckAt.IsNever);

            Pair.Wait(passed);
        }

        /// <summary>Of a burst only the last segment says PSH, and that is lost.</summary>
        public void ReceiveWithoutPush(Microseconds passed)
        {
            Pair.B.Tap.Loses = static _ => false;
            Pair.Pass(Milliseconds(500));
            Host.ReadAll(Pair);
            Pair.B.Tap.Loses = static segment => segment.Flags.HasFlag(TcpFlags.Psh);
            Peer.Write(new byte[4000]);
            Pair.Settle();
            Pair.Wait(passed);
        }

        /// <summary>The peer's window follows its reader.</summary>
        public void LetPeerReadFast(int bytes)
        {
            for (int sent = 0; sent < bytes; sent += 50_000)
            {
                Host.Write(new byte[50_000]);
                Pair.Wait(Milliseconds(5));
                Pair.Settle();
                Peer.ReadAll(Pair);
            }
        }

        public void Dispose() => Pair.Dispose();
    }
}
