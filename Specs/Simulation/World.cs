using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>Whatever acts in a <see cref="World"/>.</summary>
internal interface INode
{
    string Name { get; }

    /// <summary>When it wants to act next without being given anything; <see cref="Microseconds.Never"/>: not at all.</summary>
    Microseconds NextDeadline { get; }

    /// <summary>Takes what has arrived and does what is due, if anything; called after each moment's events.</summary>
    void Run();
}

/// <summary>A simulation came to where it must not.</summary>
internal sealed class SimulationException(string message) : Exception(message);

/// <summary>
/// A simulation: virtual time, the events to come, and the nodes that act in it. One thread and no wall clock: time goes from one due event
/// to the next, events of one moment happen in the order in which they were planned, nodes act in the order in which they were added. So
/// the same seed gives the same run to the bit, which <see cref="Trace"/>'s hash shows.
/// </summary>
internal sealed class World : IDisposable
{
    private const int MostStepsInOneMoment = 100_000;

    private readonly PriorityQueue<Action, (long Time, long Order)> _events = new();
    private readonly List<INode> _nodes = [];
    private readonly List<IDisposable> _belongings = [];
    private long _order;
    private int _stepsInThisMoment;

    /// <param name="seed">Of everything random.</param>
    /// <param name="start">When it begins; null: at 1 s. Not at zero, which some code might take for "never".</param>
    public World(ulong seed, Microseconds? start = null)
    {
        Dice = new Dice(seed);
        Now = start ?? Microseconds.FromSeconds(1);
        Time = new SimulatedTime(this);
        Trace = new Trace(this);
        Own(Trace);
    }

    /// <summary>The dice that all others are forked from.</summary>
    public Dice Dice { get; }

    public SimulatedTime Time { get; }

    public Trace Trace { get; }

    /// <summary>Buffer memory of every connection here.</summary>
    public ManagedChunkPool Pool { get; } = new(limit: 4L << 30);

    public Microseconds Now { get; private set; }

    public long Steps { get; private set; }

    /// <summary>Where links are captured to (<see cref="Captured"/>), without extension; null: nowhere.</summary>
    public string? CapturePath { get; set; }

    /// <summary>Plans an event.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When the time is over.</exception>
    public void At(Microseconds time, Action action)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time.Value, Now.Value, nameof(time));
        _events.Enqueue(action, (time.Value, _order++));
    }

    public void After(Microseconds span, Action action) => At(Now + span, action);

    /// <summary>From now on the node acts; it is disposed with the world if it can be.</summary>
    public T Add<T>(T node)
        where T : INode
    {
        _nodes.Add(node);
        Own(node as IDisposable);
        return node;
    }

    /// <summary>Disposes something with the world, the youngest first.</summary>
    public void Own(IDisposable? belonging)
    {
        if (belonging is not null)
        {
            _belongings.Add(belonging);
        }
    }

    /// <summary>The same link, captured to a file in virtual time when the run is to be looked at.</summary>
    public ILink Captured(ILink link)
    {
        if (CapturePath is null)
        {
            return link;
        }

        string path = $"{CapturePath}.{link.Name}.pcapng";
        CapturingLink capturing = new(
            link, path, new CaptureOptions(), Time, Microsoft.Extensions.Logging.Abstractions.NullLogger<CapturingLink>.Instance);
        Own(capturing);
        return capturing;
    }

    /// <summary>Goes to the next due moment, lets its events happen and then the nodes act.</summary>
    /// <exception cref="SimulationException">When nothing will ever happen again, or time stands still.</exception>
    public void Step()
    {
        Microseconds next = NextMoment();
        if (next.IsNever)
        {
            throw new SimulationException("Nothing is due any more: no event is planned, no timer runs.");
        }

        MoveTo(next);
        while (_events.TryPeek(out _, out (long Time, long Order) due) && due.Time <= Now.Value)
        {
            _events.Dequeue()();
        }

        foreach (INode node in _nodes)
        {
            node.Run();
        }
    }

    /// <summary>Steps until the condition holds.</summary>
    /// <exception cref="SimulationException">When it does not within the limit, or never can.</exception>
    public void RunUntil(Func<bool> condition, Microseconds limit)
    {
        Microseconds end = Now + limit;
        while (!condition())
        {
            Step();
            if (Now > end)
            {
                throw new SimulationException($"Not there after {limit.ToTimeSpan().TotalSeconds} s: {string.Join("; ", _nodes)}");
            }
        }
    }

    /// <summary>Steps through everything due within the span and ends at its end.</summary>
    public void RunFor(Microseconds span)
    {
        Microseconds end = Now + span;
        while (NextMoment() <= end)
        {
            Step();
        }

        MoveTo(end);
    }

    public void Dispose()
    {
        for (int i = _belongings.Count - 1; i >= 0; i--)
        {
            _belongings[i].Dispose();
        }

        _belongings.Clear();
    }

    private Microseconds NextMoment()
    {
        Microseconds next = _events.TryPeek(out _, out (long Time, long Order) due) ? new Microseconds(due.Time) : Microseconds.Never;
        foreach (INode node in _nodes)
        {
            next = Microseconds.Min(next, node.NextDeadline);
        }

        return next;
    }

    private void MoveTo(Microseconds time)
    {
        Steps++;
        _stepsInThisMoment = time > Now ? 0 : _stepsInThisMoment + 1;
        if (_stepsInThisMoment > MostStepsInOneMoment)
        {
            throw new SimulationException($"Time stands still, something is due again and again: {string.Join("; ", _nodes)}");
        }

        Now = Microseconds.Max(Now, time);
    }
}
