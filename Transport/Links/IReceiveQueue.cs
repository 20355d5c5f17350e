using TcpActors.Engine.State;

namespace TcpActors.Transport.Links;

/// <summary>Where one thread receives. A flow's frames come out of one queue, in order, as long as the link's queues are the same.</summary>
public interface IReceiveQueue
{
    /// <summary>How many frames may be received while an older one is still lent; 0: it wants them back with the batch.</summary>
    int LendingDepth => 0;

    /// <summary>The most frames that can wait in it.</summary>
    int Depth => int.MaxValue;

    /// <summary>
    /// Takes frames that have arrived, waiting up to <paramref name="timeout"/> (<see cref="Microseconds.Never"/>: without bound,
    /// zero: not at all) for the first one.
    /// </summary>
    /// <returns>How many frames were written to <paramref name="frames"/>; 0 after the time-out or a <see cref="Wake"/>.</returns>
    int Receive(Span<RxFrame> frames, Microseconds timeout);

    /// <summary>Ends a waiting <see cref="Receive"/>, or the next one if none waits. Any thread.</summary>
    void Wake();
}
