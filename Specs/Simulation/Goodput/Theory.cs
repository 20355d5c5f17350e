namespace TcpActors.Specs.Simulation.Goodput;

/// <summary>
/// What a path and a loss rate allow, by the models of the literature. Windows are in segments, times in seconds, p is the probability that
/// a segment is lost, b the segments that one acknowledgement stands for.
/// </summary>
internal static class Theory
{
    /// <summary>RFC 9293 3.8.6.3 and the engine: every second segment is acknowledged.</summary>
    public const double SegmentsPerAck = 2;

    /// <summary>
    /// Reno's mean window while only fast recovery repairs: sqrt(3 / 2bp) (Mathis, Semke, Mahdavi, Ott: The Macroscopic Behavior of the TCP
    /// Congestion Avoidance Algorithm, 1997; Padhye and others, equation 20).
    /// </summary>
    public static double RenoWindow(double p, double b = SegmentsPerAck) => Math.Sqrt(3 / (2 * b * p));

    /// <summary>
    /// CUBIC's mean window with beta 0.7 and C 0.4: the cubic region, 1.054 (RTT / p)^0.75, or Reno's (1.2 / sqrt p, RFC 3649) where that
    /// is larger (RFC 9438 5.1).
    /// </summary>
    public static double CubicWindow(double p, double rtt) => Math.Max(1.2 / Math.Sqrt(p), 1.054 * Math.Pow(rtt / p, 0.75));

    /// <summary>
    /// Reno's rate with time-outs, in segments per second (Padhye, Firoiu, Towsley, Kurose: Modeling TCP Throughput, 1998, the
    /// approximation of equation 33; RFC 5348 3.1 is the same without the two bounds).
    /// </summary>
    /// <param name="p">Loss.</param>
    /// <param name="rtt">Round trip.</param>
    /// <param name="rto">T0, the first time-out.</param>
    /// <param name="b">Segments an acknowledgement stands for.</param>
    /// <param name="largestWindow">W_max, the receiver's.</param>
    public static double PadhyeRate(
        double p, double rtt, double rto, double b = SegmentsPerAck, double largestWindow = double.PositiveInfinity)
    {
        double recovering = rtt * Math.Sqrt(2 * b * p / 3);
        double timingOut = rto * Math.Min(1, 3 * Math.Sqrt(3 * b * p / 8)) * p * (1 + (32 * p * p));
        return Math.Min(largestWindow / rtt, 1 / (recovering + timingOut));
    }

    /// <summary>
    /// RFC 6298 with the kernel's minimum, once the round trip is known and steady: SRTT + max(200 ms, 4 RTTVAR).
    /// </summary>
    public static double SteadyRto(double rtt) => rtt + 0.2;
}
