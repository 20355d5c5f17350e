using TcpActors.Engine.Wire;
using TcpActors.Transport.Steering;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>
/// Steering by two eBPF programs per interface over one map of flows. The kernel holds programs and maps for this process only: they are gone
/// when it ends, however it ends.
/// </summary>
/// <remarks>
/// The flow map is preallocated: a claim then fails only when the map is full, while an element allocated on demand can fail under a burst
/// for want of memory. An element that was released is used again at once in either kind of map, so a program that looks a flow up while it
/// is released may read the next flow's owner; such a frame is lost to a TOE that does not know it, and TCP repairs that.
/// </remarks>
public sealed class BpfSteering : ISteering
{
    /// <summary>As many flows as can be owned at once unless said otherwise: 2^17, in 14 MiB of kernel memory.</summary>
    public const int DefaultMaxFlows = 1 << 17;

    private const int Batch = 128;

    private readonly IncarnationMarks _marks;
    private readonly SteeringParts _parts;
    private readonly BpfMap<FlowMapKey, uint> _flows;
    private readonly BpfMap<uint, long> _counters;
    private readonly BpfProgram _mark;
    private readonly BpfProgram _fence;
    private readonly Dictionary<int, List<TcxLink>> _links = [];
    private readonly Lock _linksLock = new();
    private readonly int _maxFlows;

    internal BpfSteering(IncarnationMarks marks, SteeringParts parts, int maxFlows)
    {
        _marks = marks;
        _parts = parts;
        _maxFlows = maxFlows;
        TcxLink.EnsureAvailable();
        _flows = new BpfMap<FlowMapKey, uint>(BpfMapType.Hash, maxFlows, "toe_flows"u8);
        try
        {
            _counters = new BpfMap<uint, long>(BpfMapType.PerCpuArray, Enum.GetValues<SteeringCounter>().Length, "toe_counters"u8);
            _mark = BpfProgram.Load("toe_mark"u8, SteeringPrograms.MarkOwned(_flows.Descriptor, _counters.Descriptor, parts.DropInKernel));
            _fence = BpfProgram.Load("toe_fence"u8, SteeringPrograms.FenceOwned(_flows.Descriptor, _counters.Descriptor, marks));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Loads programs and maps; no interface is steered yet.</summary>
    /// <param name="marks">The marks of this process instance: only they can claim a flow.</param>
    /// <param name="maxFlows">As many flows as can be owned at once, at least 1.</param>
    /// <exception cref="SteeringUnavailableException">eBPF or tcx (Linux 6.6) is missing, or this process may not use it.</exception>
    /// <exception cref="SteeringException">The kernel refused for another reason.</exception>
    public static BpfSteering Create(IncarnationMarks marks, int maxFlows = DefaultMaxFlows) => new(marks, new SteeringParts(), maxFlows);

    public string Description => $"eBPF (tcx), up to {_maxFlows} flows, marks 0x{_marks.Tag:x8}/0x{IncarnationMarks.Mask:x8}";

    public SteeringCounters Counters =>
        new(Read(SteeringCounter.Marked), Read(SteeringCounter.Fenced), Read(SteeringCounter.Stale));

    /// <summary>Number of flows owned at this moment, by walking the map.</summary>
    public int CountFlows() => _flows.Count();

    public void Attach(int ifIndex)
    {
        lock (_linksLock)
        {
            if (_links.ContainsKey(ifIndex))
                return;
            var links = new List<TcxLink>(2);
            try
            {
                // The fence first: at no moment is a flow marked for its owner while the kernel may still answer for it.
                if (_parts.FenceSent)
                    links.Add(TcxLink.AttachAtHead(_fence, TcxHook.Egress, ifIndex));
                if (_parts.MarkReceived)
                    links.Add(TcxLink.AttachAtHead(_mark, TcxHook.Ingress, ifIndex));
            }
            catch
            {
                links.ForEach(link => link.Dispose());
                throw;
            }

            _links.Add(ifIndex, links);
        }
    }

    public void Detach(int ifIndex)
    {
        lock (_linksLock)
        {
            if (_links.Remove(ifIndex, out var links))
                DetachInReverse(links);
        }
    }

    public void Claim(in FlowKey flow, uint incarnation)
    {
        EnsureOurs(incarnation);
        var error = _flows.Update(new FlowMapKey(flow), incarnation);
        if (error != 0)
            throw CannotClaim(error, done: 0);
    }

    public void Claim(ReadOnlySpan<FlowKey> flows, uint incarnation)
    {
        EnsureOurs(incarnation);
        Span<FlowMapKey> keys = stackalloc FlowMapKey[Math.Min(Batch, flows.Length)];
        Span<uint> values = stackalloc uint[keys.Length];
        values.Fill(incarnation);
        for (var start = 0; start < flows.Length; start += keys.Length)
        {
            var count = ToKeys(flows[start..], keys);
            var error = _flows.Update(keys[..count], values[..count], out var done);
            if (error != 0)
                throw CannotClaim(error, start + done);
        }
    }

    public void Release(in FlowKey flow)
    {
        var error = _flows.Delete(new FlowMapKey(flow));
        if (error is not (0 or BpfSystemCall.NoEntry))
            throw CannotRelease(error);
    }

    public void Release(ReadOnlySpan<FlowKey> flows)
    {
        Span<FlowMapKey> keys = stackalloc FlowMapKey[Math.Min(Batch, flows.Length)];
        while (!flows.IsEmpty)
        {
            var count = ToKeys(flows, keys);
            var error = _flows.Delete(keys[..count], out var done);
            if (error is not (0 or BpfSystemCall.NoEntry))
                throw CannotRelease(error);
            // The kernel stops at a flow that is not there: go on behind it.
            flows = flows[(error == 0 ? count : done + 1)..];
        }
    }

    public void Dispose()
    {
        lock (_linksLock)
        {
            foreach (var links in _links.Values)
                DetachInReverse(links);
            _links.Clear();
        }

        // Null after a constructor that threw half way.
        _mark?.Dispose();
        _fence?.Dispose();
        _counters?.Dispose();
        _flows?.Dispose();
    }

    // Marking ends first, then the fence: the reverse of attaching.
    private static void DetachInReverse(List<TcxLink> links)
    {
        for (var i = links.Count - 1; i >= 0; i--)
            links[i].Dispose();
    }

    private static int ToKeys(ReadOnlySpan<FlowKey> flows, Span<FlowMapKey> keys)
    {
        var count = Math.Min(flows.Length, keys.Length);
        for (var i = 0; i < count; i++)
            keys[i] = new FlowMapKey(flows[i]);
        return count;
    }

    private void EnsureOurs(uint incarnation)
    {
        if (!_marks.Contains(incarnation))
        {
            throw new ArgumentException(
                $"0x{incarnation:x8} is no mark of this instance (tag 0x{_marks.Tag:x8}): take incarnations from its IncarnationMarks.",
                nameof(incarnation));
        }
    }

    private SteeringException CannotClaim(int errno, int done) => errno switch
    {
        BpfSystemCall.TooBig => new SteeringFullException(
            $"All {_maxFlows} places of the flow map are taken: release flows, or make it larger.", errno, done),
        BpfSystemCall.NoMemory => new SteeringFullException("The kernel has no memory for another flow.", errno, done),
        _ => new SteeringException($"A flow cannot be claimed: {BpfSystemCall.Explain(errno)}.", errno),
    };

    private static SteeringException CannotRelease(int errno) =>
        new($"A flow cannot be released: {BpfSystemCall.Explain(errno)}.", errno);

    private long Read(SteeringCounter counter)
    {
        var perCpu = new long[PossibleCpus.Count];
        var error = _counters.Lookup((uint)counter, perCpu);
        if (error != 0)
            throw new SteeringException($"The steering's counters cannot be read: {BpfSystemCall.Explain(error)}.", error);
        return perCpu.Sum();
    }
}
