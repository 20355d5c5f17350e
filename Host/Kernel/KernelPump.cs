using System.Collections.Concurrent;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The one thread that learns from the kernel which sockets can be read or written and has their connections do it. A connection does a
/// bounded amount at a time; one that could do more comes again after the others.
/// </summary>
internal sealed class KernelPump : IDisposable
{
    private readonly Epoll _epoll = new();
    private readonly ConcurrentDictionary<ulong, KernelFlow> _flows = new();
    private readonly ConcurrentQueue<KernelFlow> _again = new();
    private readonly Thread _thread;
    private ulong _lastNumber;
    private volatile bool _stopping;

    public KernelPump()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "tcpactors kernel pump" };
        _thread.Start();
    }

    /// <summary>Begins to watch a socket; its flow is called when something can be done.</summary>
    public ulong Add(KernelFlow flow)
    {
        ulong number = Interlocked.Increment(ref _lastNumber);
        _flows[number] = flow;
        _epoll.Add(flow.Socket.SafeHandle, number);
        return number;
    }

    /// <summary>Ends it; a call that is under way may still come.</summary>
    public void Remove(KernelFlow flow, ulong number)
    {
        if (_flows.TryRemove(number, out _))
        {
            _epoll.Remove(flow.Socket.SafeHandle);
        }
    }

    /// <summary>Has the flow called again soon.</summary>
    public void Again(KernelFlow flow)
    {
        _again.Enqueue(flow);
        _epoll.Wake();
    }

    public void Dispose()
    {
        _stopping = true;
        _epoll.Wake();
        if (_thread != Thread.CurrentThread)
        {
            _thread.Join();
        }

        _epoll.Dispose();
    }

    private void Run()
    {
        Span<ulong> ready = stackalloc ulong[256];
        while (!_stopping)
        {
            int count = _epoll.Wait(ready, block: _again.IsEmpty);
            int again = _again.Count;
            for (int i = 0; i < count; i++)
            {
                if (_flows.TryGetValue(ready[i], out KernelFlow? flow))
                {
                    flow.Work();
                }
            }

            for (; again > 0 && _again.TryDequeue(out KernelFlow? flow); again--)
            {
                flow.Work();
            }
        }
    }
}
