using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;

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
