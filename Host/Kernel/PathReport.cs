using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Kernel;

/// <summary>Collects news so that flows with the same news are told of in one message, however many there are.</summary>
internal sealed class PathReport
{
    private readonly Dictionary<PathNews, List<FlowKey>> _flows = [];

    /// <summary>Under the lock of <see cref="WatchedPaths"/>.</summary>
    public void Add(WatchedPeer peer, PathNews news)
    {
        if (news != PathNews.None)
        {
            if (!_flows.TryGetValue(news, out List<FlowKey>? flows))
            {
                flows = [];
                _flows.Add(news, flows);
            }

            flows.AddRange(peer.Flows);
        }
    }

    public IEnumerable<HostMessages.PathChanged> Messages => _flows.Select(each => new HostMessages.PathChanged(each.Value, each.Key));
}
