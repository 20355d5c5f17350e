using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// One receive queue of a TOE with all that runs on its thread: the dispatcher, the mailboxes that are ready there, the timers of the connections
/// whose segments come this way. Lanes share the flow table and nothing else, so that throughput grows with their number.
/// </summary>
public sealed class ReceiveLane : IReceiveLoopWork, IDisposable
{
    /// <summary>Mailboxes run on the receiving thread between two looks at the link.</summary>
    private const int DrainBudget = 256;

    private ReadyQueue.Scope _scope;

    /// <param name="name">What its thread is called.</param>
    /// <param name="queue">Where its frames come from.</param>
    /// <param name="flows">The flows of the TOE.</param>
    /// <param name="host">Gets frames of no owned flow; null: they are dropped and counted.</param>
    /// <param name="wheel">The wheel that its thread advances.</param>
    /// <param name="clock">Tells what is due.</param>
    internal ReceiveLane(string name, IReceiveQueue queue, FlowTable flows, IHostStackInput? host, TimerWheel wheel, MonotonicClock clock)
    {
        Wheel = wheel;
        Ready = new ReadyQueue(queue.Wake);
        Dispatcher = new RxDispatcher(flows, host, () => Ready.Drain(DrainBudget), queue.LendingDepth);
        Loop = new ReceiveLoop(name, queue, Dispatcher, this, clock);
    }

    /// <summary>Its thread; specs step it.</summary>
    public ReceiveLoop Loop { get; }

    public RxDispatcher Dispatcher { get; }

    internal TimerWheel Wheel { get; }

    /// <summary>What its thread runs between two looks at the link.</summary>
    internal ReadyQueue Ready { get; }

    public Microseconds Earliest => Ready.IsLookDue ? Microseconds.Zero : Wheel.Earliest;

    public void Enter() => _scope = Ready.Enter();

    public void Looking() => Ready.Looking();

    public void RunDue(Microseconds now)
    {
        Wheel.Advance(now);
        Ready.Looked();
        if (Ready.HasWork)
        {
            Ready.Drain(DrainBudget);
        }
    }

    public void Leave() => _scope.Dispose();

    public void Dispose() => Loop.Dispose();
}
