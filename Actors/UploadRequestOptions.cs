using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>
/// When a TOE offers a connection back that it could carry on with (the patent's claim 24). The host may decline; then it is left alone twice as long, up to 64
/// times. A share of 1, or a number of bytes of 0, is never reached.
/// </summary>
public sealed record UploadRequestOptions
{
    /// <summary>What is offered when nobody says otherwise.</summary>
    public static UploadRequestOptions Default { get; } = new();

    /// <summary>How long nothing may have come or been written; <see cref="Microseconds.Never"/>: without end.</summary>
    public Microseconds IdleTime { get; init; } = Microseconds.FromSeconds(300);

    /// <summary>Over how long the others are judged.</summary>
    public Microseconds Interval { get; init; } = Microseconds.FromSeconds(10);

    /// <summary>Segments, sent and received, below which nothing is judged.</summary>
    public int FewestSegments { get; init; } = 1000;

    /// <summary>The part of the segments sent that had been sent before: 0 to 1.</summary>
    public double Loss { get; init; } = 0.1;

    /// <summary>The part of the segments received that came ahead of others: 0 to 1.</summary>
    public double Reordering { get; init; } = 0.2;

    /// <summary>Payload bytes of a segment, on average of both directions and with acknowledgements, that are little.</summary>
    public int SmallSegment { get; init; } = 64;
}
