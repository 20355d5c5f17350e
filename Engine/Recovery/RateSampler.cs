using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>draft-ietf-ccwg-bbr 4.1: how fast the path delivers, measured from one segment being sent to its being delivered.</summary>
internal static class RateSampler
{
    /// <summary>Something was delivered.</summary>
    /// <param name="rate">C.delivered and its like are brought up to date.</param>
    /// <param name="result">What was delivered.</param>
    /// <param name="minRtt">A rate measured over less than this is of a burst, not of the path.</param>
    /// <param name="now">The owner's clock.</param>
    /// <returns>The interval and the bytes delivered in it; zero: there is no rate.</returns>
    public static (Microseconds Interval, uint Delivered) OnAck(
        ref RateVariants rate, in AckResult result, Microseconds minRtt, Microseconds now)
    {
        rate.Delivered += result.Delivered;
        rate.DeliveredAt = now;
        if (rate.AppLimitedUntil > 0 && rate.Delivered > rate.AppLimitedUntil)
        {
            rate.AppLimitedUntil = 0;
        }

        ref readonly SentRecord newest = ref result.Newest;
        if (newest.SentAt.IsNever || newest.FirstSentAt.IsNever || newest.DeliveredAt.IsNever)
        {
            return default;
        }

        rate.FirstSentAt = newest.SentAt;
        Microseconds interval = Microseconds.Max(newest.SentAt - newest.FirstSentAt, now - newest.DeliveredAt);
        return interval <= Microseconds.Zero || (!minRtt.IsNever && interval < minRtt)
            ? default
            : (interval, (uint)(rate.Delivered - newest.Delivered));
    }
}
