using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>What a <see cref="LossyPipe"/> does to what passes; probabilities are 0 to 1 and for each segment of the wire.</summary>
internal sealed record PipeFaults
{
    public double Loss { get; init; }

    public double Duplication { get; init; }

    /// <summary>Of being delayed by up to ten times the usual.</summary>
    public double Reordering { get; init; }

    /// <summary>That a batch crashes after the engine has worked on it.</summary>
    public double Crash { get; init; }

    public static PipeFaults None { get; } = new();

    public static PipeFaults Some { get; } = new() { Loss = 0.01, Duplication = 0.01, Reordering = 0.02 };
}

/// <summary>
/// Two engines in memory, on one manual clock, with an application at either end that writes and reads as it likes. Super-segments are cut
/// into segments of the wire, each meets its fate alone, and neighbours may be merged again on arrival.
/// </summary>
internal sealed class LossyPipe : IDisposable
{
    private static readonly Microseconds Delay = new(2000);

    private readonly Random _random;
    private readonly PipeFaults _faults;
    private readonly PriorityQueue<(PipeEnd To, PeerSegment? Segment), (long Time, long Order)> _events = new();
    private long _order;

    public LossyPipe(Random random, PipeFaults faults, PipeSettings settings)
    {
        _random = random;
        _faults = faults;
        A = new PipeEnd("A", random, settings, isFirst: true);
        B = new PipeEnd("B", random, settings, isFirst: false);
    }

    public PipeEnd A { get; }

    public PipeEnd B { get; }

    public Microseconds Now { get; private set; } = new(1_000_000);

    /// <summary>Runs until both streams have arrived and everything is acknowledged.</summary>
    public void Run(Microseconds limit)
    {
        Microseconds end = Now + limit;
        foreach (PipeEnd side in (PipeEnd[])[A, B])
        {
            side.Engine.StartAfterMove(Now);
            EndBatch(side);
            Schedule(side, null, Now);
        }

        while (!(A.IsDone && B.IsDone))
        {
            Step();
            Assert.True(Now < end, $"Not done at {Now}: {A}; {B}");
        }

        A.AssertReceivedAllOf(B);
        B.AssertReceivedAllOf(A);
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    private void Step()
    {
        Microseconds deadline = Microseconds.Min(A.Engine.NextDeadline, B.Engine.NextDeadline);
        if (_events.TryPeek(out _, out (long Time, long Order) key) && key.Time <= deadline.Value)
        {
            Now = Microseconds.Max(Now, new Microseconds(key.Time));
            Deliver(_events.Dequeue());
            return;
        }

        Assert.False(deadline.IsNever, $"Nothing will ever happen again: {A}; {B}");
        Now = Microseconds.Max(Now, deadline);
        foreach (PipeEnd side in (PipeEnd[])[A, B])
        {
            if (side.Engine.NextDeadline <= Now)
            {
                Verdict verdict = side.Engine.Fire(Now);
                Assert.True(verdict.Kind == VerdictKind.Consumed, $"{side}: {verdict}");
                EndBatch(side);
            }
        }
    }

    private void Deliver((PipeEnd To, PeerSegment? Segment) arrival)
    {
        PipeEnd side = arrival.To;
        if (arrival.Segment is null)
        {
            // The application's turn; it comes again as long as there is something to do.
            side.RunApplication();
            if (!side.IsDone)
            {
                Schedule(side, null, Now + new Microseconds(_random.Next(20, 3000)));
            }
        }
        else
        {
            side.Receive(arrival.Segment, Now);

            // What arrives at about the same time is one batch.
            while (_events.TryPeek(out (PipeEnd To, PeerSegment? Segment) next, out (long Time, long Order) key)
                && next.To == side && next.Segment is not null && key.Time <= Now.Value + 20 && _random.Next(8) != 0)
            {
                _events.Dequeue();
                side.Receive(next.Segment, Now);
            }
        }

        EndBatch(side);
    }

    private void EndBatch(PipeEnd side)
    {
        PipeEnd other = side == A ? B : A;
        side.Engine.Transmit(Now);
        if (_random.NextDouble() < _faults.Crash)
        {
            side.Crash(Now);
            side.Engine.Transmit(Now);
        }

        foreach (PeerSegment segment in side.Commit())
        {
            if (_random.NextDouble() < _faults.Loss)
            {
                continue;
            }

            for (int copies = _random.NextDouble() < _faults.Duplication ? 2 : 1; copies > 0; copies--)
            {
                bool isLate = _random.NextDouble() < _faults.Reordering;
                Microseconds delay = isLate ? Delay * _random.Next(1, 10) : Delay;
                Schedule(other, segment, Now + delay);
            }
        }
    }

    private void Schedule(PipeEnd to, PeerSegment? segment, Microseconds at) => _events.Enqueue((to, segment), (at.Value, _order++));
}
