using Microsoft.Extensions.Logging;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Has the kernel ask next hops whether they are still there, since it does not see the segments of owned flows: each at most a few times
/// a second, whoever suspects it.
/// </summary>
internal sealed class NextHopProbe(RtNetlink netlink, WatchedPaths paths, ILogger logger, CancellationToken stop)
{
    /// <summary>How long a neighbour may take to say that it is still there: many round trips on any link with Ethernet addresses.</summary>
    private static readonly TimeSpan s_answer = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_betweenProbes = TimeSpan.FromMilliseconds(250);

    public void Probe(NextHop hop)
    {
        hop.AwaitsAnswer = true;

        // First the address we know is asked. The kernel would ask everybody only after three probes a second apart.
        bool isAsked = Try(hop, () => netlink.ProbeNeighbor(hop.LinkIndex, hop.Address));
        hop.After(isAsked ? s_answer : TimeSpan.Zero, AskEverybody);
    }

    /// <summary>Who was asked at the address we know may not have answered: by broadcast or multicast, whoever has the IP address does.</summary>
    private void AskEverybody(NextHop hop)
    {
        if (hop.AwaitsAnswer)
        {
            hop.AwaitsAnswer = false;
            Try(hop, () =>
            {
                // While it is incomplete the kernel asks everybody already, once a second (RFC 1122 2.3.2.1, RFC 4861 10).
                const NeighborState settled = NeighborState.Permanent | NeighborState.NoArp | NeighborState.Incomplete;
                bool mayChange = ((netlink.Neighbor(hop.LinkIndex, hop.Address)?.State ?? NeighborState.None) & settled) == NeighborState.None;
                if (mayChange)
                {
                    netlink.DeleteNeighbor(hop.LinkIndex, hop.Address);
                    netlink.ResolveNeighbor(hop.LinkIndex, hop.Address);
                }

                return mayChange;
            });
        }

        hop.After(s_betweenProbes, Rest);
    }

    private void Rest(NextHop hop)
    {
        if (paths.EndProbe(hop))
        {
            Probe(hop);
        }
    }

    private bool Try(NextHop hop, Func<bool> question)
    {
        try
        {
            return !stop.IsCancellationRequested && question();
        }
        catch (Exception e) when (e is NetlinkException or ObjectDisposedException)
        {
            Log.ProbeFailed(logger, e, hop.Address);
            return false;
        }
    }
}
