using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Transport.Steering;

/// <summary>
/// Steering by nftables sets, for where eBPF may not be loaded (a user namespace): in front of each interface a table of our own that marks
/// received frames of owned flows and stops frames of them that do not bear the owner's mark. The tables end with the process.
/// </summary>
public sealed class NfTablesSteering : ISteering
{
    private const int NoSuchDevice = 19;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, string> _interfaces = [];
    private readonly Dictionary<(int IfIndex, uint Incarnation), FlowSetSteering> _sets = [];
    private readonly Dictionary<FlowKey, uint> _owners = [];
    private readonly string _whyNotBpf;
    private readonly SteeringParts _parts;

    /// <param name="whyNotBpf">Why eBPF is not used; part of <see cref="Description"/>.</param>
    /// <exception cref="SteeringUnavailableException">When this process may not use nftables here.</exception>
    public NfTablesSteering(string whyNotBpf)
        : this(whyNotBpf, new SteeringParts())
    {
    }

    internal NfTablesSteering(string whyNotBpf, SteeringParts parts)
    {
        (_whyNotBpf, _parts) = (whyNotBpf, parts);
        try
        {
            // The cheapest way to know whether it is allowed is to do it.
            new OwnedTable("steer flows", Netfilter.FamilyNetdev, static _ => { }).Dispose();
        }
        catch (NetlinkException e)
        {
            throw new SteeringUnavailableException(e.Message, e);
        }
    }

    public string Description => $"nftables sets (no eBPF: {_whyNotBpf})";

    /// <summary>Not counted: the kernel's rules carry no counters of ours.</summary>
    public SteeringCounters Counters => default;

    public void Attach(int ifIndex)
    {
        lock (_lock)
        {
            if (_interfaces.ContainsKey(ifIndex))
            {
                return;
            }

            using var rtnetlink = new RtNetlink();
            LinkInfo link = rtnetlink.Link(ifIndex)
                ?? throw new SteeringException($"There is no interface with index {ifIndex} in this network namespace.", NoSuchDevice);
            _interfaces.Add(ifIndex, link.Name);
            foreach (IGrouping<uint, KeyValuePair<FlowKey, uint>> group in _owners.GroupBy(owner => owner.Value))
            {
                SetOf(ifIndex, group.Key).Claim([.. group.Select(owner => owner.Key)]);
            }
        }
    }

    public void Detach(int ifIndex)
    {
        lock (_lock)
        {
            _interfaces.Remove(ifIndex);
            foreach ((int IfIndex, uint Incarnation) key in _sets.Keys.Where(key => key.IfIndex == ifIndex).ToList())
            {
                _sets.Remove(key, out FlowSetSteering? set);
                set!.Dispose();
            }
        }
    }

    public void Claim(in FlowKey flow, uint incarnation) => Claim([flow], incarnation);

    public void Claim(ReadOnlySpan<FlowKey> flows, uint incarnation)
    {
        lock (_lock)
        {
            foreach (FlowKey flow in flows)
            {
                if (_owners.TryGetValue(flow, out uint former) && former != incarnation)
                {
                    ReleaseLocked([flow], former);
                }

                _owners[flow] = incarnation;
            }

            foreach (int ifIndex in _interfaces.Keys)
            {
                Do(SetOf(ifIndex, incarnation), flows, static (set, flows) => set.Claim(flows));
            }
        }
    }

    public void Release(in FlowKey flow) => Release([flow]);

    public void Release(ReadOnlySpan<FlowKey> flows)
    {
        lock (_lock)
        {
            // Flows that are released together mostly have one owner.
            foreach (IGrouping<uint, FlowKey> owned in flows.ToArray().Where(_owners.ContainsKey).GroupBy(flow => _owners[flow]))
            {
                FlowKey[] all = [.. owned];
                ReleaseLocked(all, owned.Key);
                foreach (FlowKey flow in all)
                {
                    // Only what the kernel has let go of is nobody's.
                    _owners.Remove(flow);
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (FlowSetSteering set in _sets.Values)
            {
                set.Dispose();
            }

            _sets.Clear();
            _interfaces.Clear();
        }
    }

    private static void Do(FlowSetSteering set, ReadOnlySpan<FlowKey> flows, Act act)
    {
        try
        {
            act(set, flows);
        }
        catch (NetlinkException e)
        {
            throw new SteeringException(e.Message, e.Errno);
        }
    }

    private void ReleaseLocked(ReadOnlySpan<FlowKey> flows, uint incarnation)
    {
        foreach (int ifIndex in _interfaces.Keys)
        {
            Do(SetOf(ifIndex, incarnation), flows, static (set, flows) => set.Release(flows));
        }
    }

    private FlowSetSteering SetOf(int ifIndex, uint incarnation)
    {
        if (!_sets.TryGetValue((ifIndex, incarnation), out FlowSetSteering? set))
        {
            set = new FlowSetSteering(_interfaces[ifIndex], incarnation, _parts);
            _sets.Add((ifIndex, incarnation), set);
        }

        return set;
    }

    private delegate void Act(FlowSetSteering set, ReadOnlySpan<FlowKey> flows);
}
