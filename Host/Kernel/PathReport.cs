using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Kernel;

/// <summary>Collects news so that flows with the same news are told of in one message, however many there are.</summary>
internal sealed class PathReport
{
    private readonly Dictionary<PathNews, List<FlowKey>> _flows = [];

    /// <summary>This interface is another than it was.</summary>
    public int? Interface { get; init; }

    public IEnumerable<HostMessages.PathChanged> Messages => _flows.Select(each => new HostMessages.PathChanged(each.Value, each.Key));

    public void Add(IEnumerable<FlowKey> flows, PathNews news)
    {
        if (news != PathNews.None)
        {
            if (!_flows.TryGetValue(news, out List<FlowKey>? those))
            {
                those = [];
                _flows.Add(news, those);
            }

            those.AddRange(flows);
        }
    }
}
