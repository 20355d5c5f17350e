using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>
/// Conversations with a peer that knows SACK, over a path whose round trip of 100 ms has been measured: PTO is 201 ms, RTO 300 ms.
/// </summary>
internal static class SackPath
{
    public static Microseconds Rtt { get; } = 100.ms;

    public static ConnectionInvariants Connection { get; } = Setup.Connection with { SackPermitted = true, SendWindowScale = 4 };

    public static Conversation Link(
        int window = 100_000,
        bool timestamps = false,
        bool sack = true,
        Func<SegmentVariants, SegmentVariants>? variants = null,
        SegmentInvariants? invariants = null,
        bool ecn = false)
    {
        ConnectionInvariants connection = Connection with { SackPermitted = sack, TimestampsEnabled = timestamps, EcnNegotiated = ecn };
        return new Conversation(connection, invariants, v =>
        {
            v = v with
            {
                SmoothedRtt = Rtt,
                Delta = 10.ms,
                MinRtt = Rtt,
                Rto = 300.ms,
                CongestionWindow = (uint)window,
                LastDataSentAt = Microseconds.FromMilliseconds(990),
            };
            return variants is null ? v : variants(v);
        });
    }

    /// <summary>
    /// A path of 10 ms. Ten segments leave at 1 s, and the last and the first of them once more at 1.021 s and 1.063 s, as nothing is heard of them; it is 1.070 s.
    /// </summary>
    public static Conversation ProbedTwice(bool timestamps)
    {
        Conversation link = Link(
            window: 10_000,
            timestamps: timestamps,
            variants: v => v with { SmoothedRtt = 10.ms, Delta = 1.ms, MinRtt = 10.ms, Rto = 210.ms });
        link.Writes(1.s, 10_000);
        link.GoTo(1070.ms);
        Assert.Equal(2, link.Engine.Counters.TailProbesSent);
        return link;
    }

    extension(Conversation link)
    {
        /// <summary>Writes and sends so many segments of a thousand bytes, one at a time.</summary>
        public void SendsSegments(Microseconds from, int count, Microseconds apart)
        {
            for (int i = 0; i < count; i++)
            {
                link.Writes(from + new Microseconds(apart.Value * i), Conversation.Mss);
            }

            link.Forgets();
        }
    }
}
