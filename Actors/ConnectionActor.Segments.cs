using TcpActors.Engine.State;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <content>Taking segments from the flow's queue: a bounded number between two commits.</content>
internal sealed partial class ConnectionActor
{
    private const int BatchSize = 32;
    private const int BatchesInOneMessage = 8;

    private void TakeSegments(Microseconds now)
    {
        try
        {
            for (int batches = 1; TakeBatch(now) == BatchSize && batches < BatchesInOneMessage; batches++)
            {
            }
        }
        finally
        {
            // The receiving thread may feed a queue as fast as a thread of the pool empties it: commit, timers and output come in between.
            if (_seat.Flow.TryRing())
            {
                _seat.SegmentsReady();
            }
        }
    }

    private int TakeBatch(Microseconds now)
    {
        var batch = default(SegmentBatch);
        Span<QueuedSegment> segments = batch;
        int count = _seat.Flow.Dequeue(segments);
        int taken = 0;
        try
        {
            for (; taken < count; taken++)
            {
                Take(in segments[taken], now);
                segments[taken].Frame.Return();
            }
        }
        finally
        {
            // The segment in hand when the engine threw, and those behind it, are lost packets; their frames are not.
            for (; taken < count; taken++)
            {
                segments[taken].Frame.Return();
            }
        }

        return count;
    }

    [System.Runtime.CompilerServices.InlineArray(BatchSize)]
    private struct SegmentBatch
    {
        private QueuedSegment _first;
    }
}
