using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>The flows of one TOE by their key: look-ups in O(1) and without a lock, from any thread.</summary>
public sealed class FlowTable
{
    private readonly ConcurrentDictionary<FlowKey, FlowEntry> _flows = new(new FlowKeyComparer());
    private readonly HeapFrames _heap = new();

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

    /// <summary>
    /// Puts a copy of a packet that came another way than over the link into its flow's queue, and rings its owner. Its checksums are not looked at: whoever passes
    /// it on has.
    /// </summary>
    /// <param name="flow">Whose it is to be.</param>
    /// <param name="ipPacket">The packet, whole.</param>
    /// <returns>False when it is no TCP segment of that flow, or there is no room for it.</returns>
    public bool TryDeliver(in FlowKey flow, ReadOnlySpan<byte> ipPacket)
    {
        if (!IpPacket.TryParse(ipPacket, out IpPacket ip)
            || ip.PayloadLength < TcpSegment.MinHeaderLength
            || !ip.TryGetFlow(ipPacket[ip.PayloadOffset..], out FlowKey actual) || actual != flow
            || !TryGet(in flow, out FlowEntry? entry)
            || !_heap.TryCopy(ipPacket[..ip.Length], out RxFrame frame))
        {
            return false;
        }

        Delivery delivery = entry.Deliver(new QueuedSegment { Frame = frame, IpLength = ip.Length, TcpOffset = ip.PayloadOffset, Ecn = ip.Ecn });
        if (delivery == Delivery.QueuedRing)
        {
            entry.Receiver?.SegmentsReady();
        }

        return delivery is not (Delivery.Overflow or Delivery.Lost);
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
