using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// A queue that frames leave at a rate, in the order in which they came; what does not fit is dropped (drop-tail, counted in bytes). One
/// direction of a cable has one, or several cables share one: then their flows compete.
/// </summary>
/// <param name="world">Whose time it is.</param>
/// <param name="rate">Bit/s of whole Ethernet frames, without preamble and gap; 0: no limit, and no queue.</param>
/// <param name="queueBytes">Bytes that may wait, the frame that is being sent among them; one frame always may.</param>
/// <param name="markAbove">Bytes waiting from which on a frame is marked CE instead of nothing (RFC 3168); 0: never.</param>
internal sealed class Bottleneck(World world, long rate, int queueBytes, int markAbove = 0)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    // When the last frame accepted will have been sent, in nanoseconds: a frame of 64 bytes takes a fraction of a microsecond at 1 Gbit/s.
    private long _busyUntil;

    public long Rate => rate;

    /// <summary>Frames that did not fit.</summary>
    public long Dropped { get; private set; }

    public long Marked { get; private set; }

    /// <summary>Frames sent, and those still waiting.</summary>
    public long Passed { get; private set; }

    public long PassedBytes { get; private set; }

    /// <summary>Bytes waiting now.</summary>
    public long Backlog => rate == 0 ? 0 : (long)((Int128)Math.Max(0, _busyUntil - Nanoseconds) * rate / (8 * NanosecondsPerSecond));

    private long Nanoseconds => world.Now.Value * 1000;

    /// <summary>Takes a frame of this length, if it fits.</summary>
    /// <param name="length">Bytes of the frame.</param>
    /// <param name="sentAt">When its last bit leaves, rounded up.</param>
    /// <param name="isMarked">Whether it is to be marked CE.</param>
    public bool TryPass(int length, out Microseconds sentAt, out bool isMarked)
    {
        long backlog = Backlog;
        isMarked = markAbove > 0 && backlog >= markAbove;
        if (backlog > 0 && rate != 0 && backlog + length > queueBytes)
        {
            Dropped++;
            sentAt = Microseconds.Never;
            return false;
        }

        if (rate != 0)
        {
            _busyUntil = Math.Max(_busyUntil, Nanoseconds) + ((length * 8L * NanosecondsPerSecond) + rate - 1) / rate;
        }

        sentAt = rate == 0 ? world.Now : new Microseconds((_busyUntil + 999) / 1000);
        Passed++;
        PassedBytes += length;
        Marked += isMarked ? 1 : 0;
        return true;
    }
}
