using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// Runs ready mailboxes of connection actors. What becomes ready on a receiving thread (a doorbell rung by its dispatcher, a timer) is
/// queued there and drained before the thread sleeps again: no thread change, no wake-up. An application's doorbell says where it wants
/// to be answered (<see cref="TellHere"/>, <see cref="TellAt"/>). What becomes ready anywhere else, and what a receiving thread cannot finish
/// within its budget, goes to the thread pool.
/// </summary>
public sealed class ReceiveThreadExecutor(string id) : ExecutorService(id)
{
    [ThreadStatic]
    private static bool s_isHere;

    [ThreadStatic]
    private static ReadyQueue? s_at;

    /// <summary>Tells an actor something and, if it is idle, runs it within the call, as a kernel sends within the call.</summary>
    public static void TellHere(IActorRef actor, object message)
    {
        s_isHere = true;
        try
        {
            actor.Tell(message, ActorRefs.NoSender);
        }
        finally
        {
            s_isHere = false;
        }
    }

    /// <summary>Tells an actor something and, if it is idle, has a receiving thread run it.</summary>
    public static void TellAt(ReadyQueue queue, IActorRef actor, object message)
    {
        s_at = queue;
        try
        {
            actor.Tell(message, ActorRefs.NoSender);
        }
        finally
        {
            s_at = null;
        }
    }

    public override void Execute(IRunnable run)
    {
        if (ReadyQueue.OfThisThread is { } queue)
        {
            queue.Enqueue(run);
        }
        else if (s_isHere)
        {
            // What it makes ready in its turn, itself included, goes to the pool: one run within another, no more.
            s_isHere = false;
            run.Run();
        }
        else if (s_at is { } at)
        {
            at.Post(run);
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
