using System.Collections.Concurrent;

namespace TcpActors.HostSide;

/// <summary>
/// The bounded workers that take connections out of a stack and put them back: system calls that block. Threads of their own, because
/// a socket belongs to the network namespace of the thread that makes it, and these inherit the namespace of whoever made the host.
/// </summary>
internal sealed class WorkerThreads : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _tasks = new();
    private readonly Thread[] _threads;

    public WorkerThreads(int count)
    {
        _threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"tcpactors worker {i}" };
            _threads[i].Start();
        }

        Factory = new TaskFactory(this);
    }

    public TaskFactory Factory { get; }

    public override int MaximumConcurrencyLevel => _threads.Length;

    /// <summary>Finishes what is queued and ends the threads.</summary>
    public void Dispose()
    {
        _tasks.CompleteAdding();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _tasks.Dispose();
    }

    protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

    protected override void QueueTask(Task task) => _tasks.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        Array.IndexOf(_threads, Thread.CurrentThread) >= 0 && TryExecuteTask(task);

    private void Work()
    {
        foreach (Task task in _tasks.GetConsumingEnumerable())
        {
            TryExecuteTask(task);
        }
    }
}
