using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>One end of an established connection, as a host would hand it over.</summary>
internal sealed record NodeSetup
{
    public required ConnectionInvariants Connection { get; init; }

    public required SegmentInvariants Segment { get; init; }

    /// <summary>Deadlines relative: what is handed over in a move.</summary>
    public required SegmentVariants Variants { get; init; }

    public int SendBuffer { get; init; } = 1 << 20;

    public int ReceiveBuffer { get; init; } = 1 << 20;

    /// <summary>How far the owner's clock is ahead of the world's; two machines do not agree.</summary>
    public Microseconds ClockAhead { get; init; }
}
