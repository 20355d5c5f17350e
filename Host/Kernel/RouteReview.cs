using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Asks the kernel again for routes that may have changed: once for each pair of addresses, however many flows and events there are, and a
/// moment after the first event, so that a change made in several steps is seen as a whole.
/// </summary>
internal sealed class RouteReview : IDisposable
{
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(20);

    private readonly RtNetlink _netlink;
    private readonly WatchedPaths _paths;
    private readonly ILogger _logger;
    private readonly Action<NextHop> _find;
    private readonly Timer _timer;
    private readonly Lock _turn = new();
    private TimeSpan _wait = s_moment;
    private int _isDue;
    private bool _isDisposed;

    /// <param name="netlink">Answers.</param>
    /// <param name="paths">Knows who is to be asked for.</param>
    /// <param name="logger">Hears of failures.</param>
    /// <param name="find">Has the MAC address of a next hop found.</param>
    public RouteReview(RtNetlink netlink, WatchedPaths paths, ILogger logger, Action<NextHop> find)
    {
        (_netlink, _paths, _logger, _find) = (netlink, paths, logger, find);
        _timer = new Timer(_ => Review());
    }

    /// <summary>There are suspects. Any thread; one review serves all that is said until it begins.</summary>
    public void Request()
    {
        if (Interlocked.Exchange(ref _isDue, 1) == 0)
        {
            try
            {
                _timer.Change(_wait, Timeout.InfiniteTimeSpan);
            }
            catch (ObjectDisposedException)
            {
                // The host ends.
            }
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_turn)
        {
            _isDisposed = true;
        }
    }

    private void Review()
    {
        lock (_turn)
        {
            Volatile.Write(ref _isDue, 0);
            if (_isDisposed)
            {
                return;
            }

            long began = Stopwatch.GetTimestamp();
            List<WatchedPeer> suspects = _paths.TakeSuspects();
            try
            {
                foreach (NextHop hop in _paths.Settle(Ask(suspects)))
                {
                    _find(hop);
                }
            }
            catch (NetlinkException e)
            {
                Log.MonitorFailed(_logger, e);
                Again(suspects.Contains);
            }

            // However fast the network changes, half of the time nobody is asked.
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            _wait = took > s_moment ? took : s_moment;
        }
    }

    private List<(WatchedPeer Peer, RouteInfo? Route)> Ask(List<WatchedPeer> suspects)
    {
        var isOurs = new Dictionary<IPAddress, bool>();
        var answers = new List<(WatchedPeer, RouteInfo?)>(suspects.Count);
        foreach (WatchedPeer peer in suspects)
        {
            IPAddress local = peer.Key.LocalAddress;
            if (!isOurs.TryGetValue(local, out bool ours))
            {
                ours = _netlink.GetRoute(local) is { Type: RouteType.Local };
                isOurs.Add(local, ours);
            }

            // IPv6 would send from an address that is ours no more, but nothing comes back to it.
            RouteInfo? route = ours ? _netlink.GetRoute(peer.Key.RemoteAddress, local, peer.Key.Scope) : null;
            if (route?.LinkIndex == peer.Key.LinkIndex && !_paths.IsLinkUp(peer.Key.LinkIndex))
            {
                // The kernel tells of an interface that goes down before it takes its routes away.
                route = null;
                Again(each => each == peer);
            }

            answers.Add((peer, route));
        }

        return answers;
    }

    private void Again(Func<WatchedPeer, bool> which)
    {
        if (_paths.Suspect(which))
        {
            Request();
        }
    }
}
