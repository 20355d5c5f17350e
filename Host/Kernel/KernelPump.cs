using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The one thread that learns from the kernel which sockets can be read or written and has their connections do it. A connection does a
/// bounded amount at a time; one that could do more comes again after the others.
/// </summary>
internal sealed class KernelPump : IDisposable
{
    private const int StarvedRetryMilliseconds = 10;
    private const int ClosingLookMilliseconds = 1000;

    /// <summary>How long the kernel itself keeps a closed socket whose peer answers its probes and takes nothing (tcp_orphan_retries).</summary>
    private static readonly TimeSpan s_closePatience = TimeSpan.FromMinutes(4);

    private readonly Epoll _epoll = new();
    private readonly ConcurrentDictionary<ulong, KernelFlow> _flows = new();
    private readonly ConcurrentQueue<KernelFlow> _again = new();
    private readonly ConcurrentQueue<KernelFlow> _starved = new();
    private readonly ConcurrentQueue<KernelFlow> _closing = new();
    private readonly TimeSpan _closePatience;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private ulong _lastNumber;
    private volatile bool _stopping;

    /// <param name="logger">The host's.</param>
    /// <param name="closePatience">How long a closed connection may go without sending anything on; null: as long as the kernel's.</param>
    public KernelPump(ILogger logger, TimeSpan? closePatience = null)
    {
        (_logger, _closePatience) = (logger, closePatience ?? s_closePatience);
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
        if (!_flows.TryRemove(number, out _))
        {
            return;
        }

        try
        {
            _epoll.Remove(flow.Socket.SafeHandle);
        }
        catch (ObjectDisposedException)
        {
            // The application has closed its socket itself: the kernel has taken it out (epoll(7)).
        }
    }

    /// <summary>Has the flow called again soon.</summary>
    public void Again(KernelFlow flow)
    {
        _again.Enqueue(flow);
        _epoll.Wake();
    }

    /// <summary>Has a flow that got no buffer memory tried again after a moment: nobody tells when there is some.</summary>
    public void WhenMemoryMayBeBack(KernelFlow flow)
    {
        _starved.Enqueue(flow);
        _epoll.Wake();
    }

    /// <summary>Has a connection reset that was closed with bytes to send and gets none of them off.</summary>
    public void WhenClosingTakesTooLong(KernelFlow flow)
    {
        _closing.Enqueue(flow);
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
        long starvedTriedAt = 0;
        long closingSeenAt = 0;
        while (!_stopping)
        {
            int count = _epoll.Wait(ready, !_again.IsEmpty ? 0 : !_starved.IsEmpty ? StarvedRetryMilliseconds
                : !_closing.IsEmpty ? ClosingLookMilliseconds : -1);
            int again = _again.Count;
            for (int i = 0; i < count; i++)
            {
                if (_flows.TryGetValue(ready[i], out KernelFlow? flow))
                {
                    Work(flow);
                }
            }

            for (; again > 0 && _again.TryDequeue(out KernelFlow? flow); again--)
            {
                Work(flow);
            }

            long now = Environment.TickCount64;
            if (!_starved.IsEmpty && now - starvedTriedAt >= StarvedRetryMilliseconds)
            {
                starvedTriedAt = now;
                for (int starved = _starved.Count; starved > 0 && _starved.TryDequeue(out KernelFlow? flow); starved--)
                {
                    flow.TryMemoryAgain();
                    Work(flow);
                }
            }

            if (!_closing.IsEmpty && now - closingSeenAt >= ClosingLookMilliseconds)
            {
                closingSeenAt = now;
                for (int closing = _closing.Count; closing > 0 && _closing.TryDequeue(out KernelFlow? flow); closing--)
                {
                    if (flow.IsClosingWithin(_closePatience, now))
                    {
                        _closing.Enqueue(flow);
                    }
                    else
                    {
                        flow.Abort();
                    }
                }
            }
        }
    }

    private void Work(KernelFlow flow)
    {
        try
        {
            flow.Work();
        }
#pragma warning disable CA1031 // One connection's failure must not end the thread of all, and with it the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.PumpFailed(_logger, exception);
            flow.Abort();
        }
    }
}
