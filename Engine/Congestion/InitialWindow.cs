using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>RFC 6928 2: the congestion window of a connection that has not measured its path.</summary>
public static class InitialWindow
{
    /// <param name="mss">SMSS in bytes.</param>
    /// <returns>Bytes.</returns>
    public static uint For(int mss) => (uint)Math.Min(10 * mss, Math.Max(2 * mss, 14600));

    /// <summary>RFC 5681 4.1: after an RTO without anything in flight SND_CWIN is at most this again.</summary>
    /// <param name="variants">Of the connection.</param>
    /// <param name="idle">What is over.</param>
    public static void Restart(ref SegmentVariants variants, in IdleEnd idle)
    {
        if (idle.ExceedsRto)
        {
            variants.CongestionWindow = Math.Min(variants.CongestionWindow, For(idle.Mss));
        }
    }
}
