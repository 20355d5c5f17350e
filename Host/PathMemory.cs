using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport;

namespace TcpActors.HostSide;

/// <summary>
/// What connections have found out about the way to their peers, for those that come later (RFC 9040 6, temporal sharing; the patent's claims 41, 43
/// and 48: returned variables serve other connections too). Bounded; forgets after an hour. Any thread.
/// </summary>
internal sealed class PathMemory(MonotonicClock clock)
{
    private const int MostKept = 4096;

    /// <summary>As Linux has it: a path may be another one by then.</summary>
    private static readonly Microseconds s_lifetime = Microseconds.FromSeconds(3600);

    private readonly Lock _lock = new();
    private readonly Dictionary<(InternetAddress Local, InternetAddress Remote), Entry> _entries = [];

    /// <summary>A TOE has given a connection back (RFC 9040 6.2).</summary>
    /// <param name="flow">The connection.</param>
    /// <param name="variants">As they came back.</param>
    public void Learn(in FlowKey flow, in SegmentVariants variants)
    {
        if (variants.SmoothedRtt == Microseconds.Zero)
        {
            // It has measured nothing.
            return;
        }

        lock (_lock)
        {
            Entry? known = Find(flow);
            if (known is null && _entries.Count == MostKept)
            {
                _entries.Remove(_entries.MinBy(each => each.Value.At).Key);
            }

            _entries[(flow.LocalAddress, flow.RemoteAddress)] = new Entry(
                clock.Now,
                Merge(known?.SmoothedRtt, variants.SmoothedRtt),
                Merge(known?.Delta, variants.Delta),
                MergeThreshold(known?.Threshold ?? uint.MaxValue, in variants));
        }
    }

    /// <summary>A connection that no TOE has had before starts from what is known (RFC 9040 6.1): what it has found out itself stays.</summary>
    /// <param name="flow">The connection.</param>
    /// <param name="variants">As the stack has them.</param>
    /// <param name="minRto">The smallest RTO.</param>
    public void Start(in FlowKey flow, ref SegmentVariants variants, Microseconds minRto)
    {
        Entry? known;
        lock (_lock)
        {
            known = Find(flow);
        }

        if (known is null)
        {
            return;
        }

        if (variants.SmoothedRtt == Microseconds.Zero)
        {
            (variants.SmoothedRtt, variants.Delta) = (known.SmoothedRtt, known.Delta);
            variants.Rto = known.SmoothedRtt + Microseconds.Max(known.Delta * 4, minRto);
        }

        // Not where its window has passed that already without a loss.
        if (variants.SlowStartThreshold == uint.MaxValue && known.Threshold > variants.CongestionWindow)
        {
            variants.SlowStartThreshold = known.Threshold;
        }
    }

    private Entry? Find(in FlowKey flow) =>
        _entries.TryGetValue((flow.LocalAddress, flow.RemoteAddress), out Entry? known) && clock.Now - known.At < s_lifetime ? known : null;

    /// <summary>The larger one at once, a smaller one by an eighth of the difference: too short an RTO costs more than one too long.</summary>
    private static Microseconds Merge(Microseconds? known, Microseconds now) =>
        known is { } before && before > now ? before - ((before - now) / 8) : now;

    private static uint MergeThreshold(uint known, in SegmentVariants variants)
    {
        if (variants.SlowStartThreshold == uint.MaxValue)
        {
            return known;
        }

        // A window that has grown beyond it without a loss says more.
        uint found = variants.Recovery == RecoveryPhase.Open
            ? Math.Max(variants.SlowStartThreshold, variants.CongestionWindow / 2)
            : variants.SlowStartThreshold;
        return known == uint.MaxValue ? found : (uint)(((long)known + found) / 2);
    }

    private sealed record Entry(Microseconds At, Microseconds SmoothedRtt, Microseconds Delta, uint Threshold);
}
