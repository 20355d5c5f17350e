namespace TcpActors.Engine.Transmit;

/// <summary>
/// What the engine decided to send during one batch, in order. Filled by the engine, flushed by the connection's owner after the commit,
/// then cleared; its array is reused, so that a batch allocates nothing.
/// </summary>
public sealed class TransmitQueue
{
    private OutgoingSegment[] _segments = [];

    public int Count { get; private set; }

    public ReadOnlySpan<OutgoingSegment> Segments => _segments.AsSpan(0, Count);

    public ref OutgoingSegment Append()
    {
        if (Count == _segments.Length)
        {
            Array.Resize(ref _segments, Math.Max(4, Count * 2));
        }

        ref OutgoingSegment slot = ref _segments[Count++];
        slot = default;
        return ref slot;
    }

    public void Clear() => Count = 0;

    /// <summary>Gives up the memory of an empty queue.</summary>
    public void Trim()
    {
        if (Count == 0)
        {
            _segments = [];
        }
    }
}
