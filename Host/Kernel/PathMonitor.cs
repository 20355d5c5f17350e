using Microsoft.Extensions.Logging;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Hears on a thread of its own what changes in the network. When words were lost, because they came faster than they were heard or one
/// could not be acted on, everything is looked at, until that succeeds.
/// </summary>
internal sealed class PathMonitor : IDisposable
{
    private static readonly TimeSpan s_untilNextTry = TimeSpan.FromMilliseconds(100);

    private readonly RtNetlinkMonitor _events;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<RtNetlinkEvent> _see;
    private readonly Action _seeAll;
    private readonly ILogger _logger;
    private readonly Thread _thread;

    /// <param name="see">Acts on one event.</param>
    /// <param name="seeAll">Looks at everything; the first time before any event.</param>
    /// <param name="logger">Hears of failures.</param>
    /// <param name="queueBytes">The kernel's room for events that wait to be heard; null for plenty.</param>
    public PathMonitor(Action<RtNetlinkEvent> see, Action seeAll, ILogger logger, int? queueBytes)
    {
        (_see, _seeAll, _logger) = (see, seeAll, logger);
        Stopped = _stop.Token;
        _events = queueBytes is { } bytes ? new RtNetlinkMonitor(bytes) : new RtNetlinkMonitor();
        _thread = new Thread(Run) { IsBackground = true, Name = "tcpactors network monitor" };
    }

    public CancellationToken Stopped { get; }

    /// <summary>From now on changes are heard of.</summary>
    public void Start()
    {
        _seeAll();
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Cancel();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }

        _events.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        bool isLost = false;
        long lookAt = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                long left = Math.Max(0, lookAt - Environment.TickCount64);
                RtNetlinkEvent? next = _events.Receive(isLost ? TimeSpan.FromMilliseconds(left) : Timeout.InfiniteTimeSpan, Stopped);
                if (next is Overrun)
                {
                    // Until its queue has been read empty the kernel does not say when it loses more, so only then is it time to look.
                    (isLost, lookAt) = (true, 0);
                }
                else if (next is not null)
                {
                    _see(next);
                }
                else if (isLost)
                {
                    _seeAll();
                    isLost = false;
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (NetlinkException e)
            {
                Log.MonitorFailed(_logger, e);
                isLost = true;
                lookAt = Environment.TickCount64 + (long)s_untilNextTry.TotalMilliseconds;
            }
        }
    }
}
