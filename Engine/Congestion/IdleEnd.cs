using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>The end of a time in which nothing was in flight.</summary>
/// <param name="Now">The owner's clock.</param>
/// <param name="Mss">SMSS in bytes.</param>
/// <param name="Length">Since data was last sent.</param>
/// <param name="ExceedsRto">Whether it was longer than the retransmission time-out.</param>
public readonly record struct IdleEnd(Microseconds Now, int Mss, Microseconds Length, bool ExceedsRto);
