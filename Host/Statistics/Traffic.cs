namespace TcpActors.HostSide.Statistics;

/// <summary>What a connection has moved in one direction.</summary>
/// <param name="Bytes">Payload since set-up, each byte once.</param>
/// <param name="Segments">
/// Segments of the wire, those without payload and those sent again among them; a super-segment counts as many as it stands for.
/// </param>
/// <param name="BytesPerSecond">Of <paramref name="Bytes"/> over the last sampling interval.</param>
/// <param name="SegmentsPerSecond">Of <paramref name="Segments"/> over the last sampling interval.</param>
public readonly record struct Traffic(long Bytes, long Segments, double BytesPerSecond, double SegmentsPerSecond)
{
    /// <summary>Mean payload of a segment since set-up, in bytes; 0 while there was none.</summary>
    public double BytesPerSegment => Segments == 0 ? 0 : (double)Bytes / Segments;
}
