using Akka.Configuration;
using Akka.Dispatch;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// Runs ready mailboxes of connection actors. What becomes ready on a receiving thread (a doorbell rung by its dispatcher, a timer) is
/// queued there and drained before the thread sleeps again: no thread change, no wake-up. What becomes ready anywhere else, and what
/// a receiving thread cannot finish within its budget, goes to the thread pool.
/// </summary>
public sealed class ReceiveThreadExecutor(string id) : ExecutorService(id)
{
    public override void Execute(IRunnable run)
    {
        if (ReadyQueue.OfThisThread is { } queue)
        {
            queue.Enqueue(run);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
        }
    }

    public override void Shutdown()
    {
        // The receiving threads belong to their TOEs and the pool to the process.
    }
}

/// <summary>Named in the embedded <c>reference.conf</c> as the executor of <c>tcpactors.connection-dispatcher</c>.</summary>
public sealed class ReceiveThreadExecutorConfigurator(Config config, IDispatcherPrerequisites prerequisites)
    : ExecutorServiceConfigurator(config, prerequisites)
{
    public override ExecutorService Produce(string id) => new ReceiveThreadExecutor(id);
}
