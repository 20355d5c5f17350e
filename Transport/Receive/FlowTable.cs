using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Receive;

/// <summary>The flows of one TOE by their key: look-ups in O(1) and without a lock, from any thread.</summary>
public sealed class FlowTable
{
    private readonly ConcurrentDictionary<FlowKey, FlowEntry> _flows = new(new FlowKeyComparer());

    public int Count => _flows.Count;

    public bool TryGet(in FlowKey flow, [MaybeNullWhen(false)] out FlowEntry entry) => _flows.TryGetValue(flow, out entry);

    /// <summary>The flow's entry, keeping what comes: the first step of an offload.</summary>
    public FlowEntry Claim(in FlowKey flow)
    {
        while (true)
        {
            FlowEntry entry = _flows.GetOrAdd(flow, static key => new FlowEntry(key));
            if (entry.TryKeep())
            {
                return entry;
            }

            // Retired, and about to be removed: whoever comes first removes it.
            _flows.TryRemove(KeyValuePair.Create(flow, entry));
        }
    }

    /// <summary>Removes a flow that was released, unless it was claimed again meanwhile.</summary>
    public void Retire(FlowEntry entry)
    {
        if (entry.TryRetire())
        {
            _flows.TryRemove(KeyValuePair.Create(entry.Flow, entry));
        }
    }

    private sealed class FlowKeyComparer : IEqualityComparer<FlowKey>
    {
        public bool Equals(FlowKey x, FlowKey y) =>
            x.RemotePort == y.RemotePort && x.LocalPort == y.LocalPort
            && x.RemoteAddress == y.RemoteAddress && x.LocalAddress == y.LocalAddress;

        // HashCode is seeded per process, so a peer cannot choose addresses and ports that collide.
        public int GetHashCode(FlowKey flow) =>
            HashCode.Combine(flow.RemoteAddress, flow.LocalAddress, ((uint)flow.RemotePort << 16) | flow.LocalPort);
    }
}
