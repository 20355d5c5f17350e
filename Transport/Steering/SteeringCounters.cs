namespace TcpActors.Transport.Steering;

/// <summary>What a steering did so far, in frames as the interface counts them (a super-segment is one).</summary>
/// <param name="Marked">Received frames of owned flows, marked for their owner.</param>
/// <param name="Fenced">Frames to be sent for an owned flow by somebody else than its owner (the kernel, a stale TOE), stopped.</param>
/// <param name="Stale">Frames that bear one of our marks, of a flow nobody owns any more, stopped at sending.</param>
public readonly record struct SteeringCounters(long Marked, long Fenced, long Stale = 0);
