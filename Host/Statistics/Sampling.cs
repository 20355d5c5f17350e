using TcpActors.Engine.Buffers;
using TcpActors.Transport;

namespace TcpActors.HostSide.Statistics;

/// <summary>How statistics are taken.</summary>
/// <param name="Interval">Between two samples; zero: none but those that are asked for.</param>
/// <param name="Clock">The connections' clock.</param>
/// <param name="Pool">The memory of connections' buffers.</param>
internal sealed record Sampling(TimeSpan Interval, MonotonicClock Clock, ChunkPool Pool)
{
    /// <summary>Tells what time of the day it is.</summary>
    public TimeProvider Wall { get; init; } = TimeProvider.System;

    /// <summary>Hears of each sample; null: nobody does.</summary>
    public ISampleListener? Listener { get; init; }
}
