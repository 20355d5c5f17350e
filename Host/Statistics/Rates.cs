namespace TcpActors.HostSide.Statistics;

/// <summary>What a connection did in each second of one interval in which it moved bytes.</summary>
internal sealed record Rates(
    double BytesReceived, double BytesSent, double SegmentsReceived, double SegmentsSent, double Retransmitted, double OutOfOrder)
{
    public static Rates None { get; } = new(0, 0, 0, 0, 0, 0);

    public double Bytes => BytesReceived + BytesSent;
}
