using TcpActors.Engine.Wire;
using TcpActors.Transport.Steering;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// Steering by nftables sets, for where eBPF may not be loaded. On one interface, of each claimed flow: arriving TCP segments (no
/// fragments) get the owner's mark and are kept from the kernel, and leaving ones without that mark are dropped, so that neither the kernel nor
/// another owner speaks for the flow. One element decides all of it. Several instances work side by side. Everything vanishes on
/// <see cref="Dispose"/> and with the process.
/// </summary>
public sealed class FlowSetSteering : IDisposable
{
    // An attribute holds less than 64 KiB; an IPv6 element takes 52 bytes.
    private const int FlowsPerBatch = 1000;

    // Before every chain that has a customary priority, so that nobody sees an owned frame without its mark.
    private const int Priority = -1_000_000;
    private readonly OwnedTable _table;

    /// <param name="interfaceName">An interface in the network namespace of the calling thread.</param>
    /// <param name="mark">What marks arriving owned frames, and what leaving ones must bear (SO_MARK); not 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="mark"/> is 0, which every unmarked packet bears.</exception>
    /// <exception cref="NetlinkException">
    /// There is no such interface, or the kernel refused; it needs nftables with netdev egress (Linux 5.16).
    /// </exception>
    public FlowSetSteering(string interfaceName, uint mark)
        : this(interfaceName, mark, new SteeringParts())
    {
    }

    internal FlowSetSteering(string interfaceName, uint mark, SteeringParts parts)
    {
        ArgumentOutOfRangeException.ThrowIfZero(mark);
        // Linux 6.16 and later take a chain on an interface that is not there, in case it comes.
        using (var netlink = new RtNetlink())
        {
            if (netlink.Link(interfaceName) is null)
                throw new NetlinkException($"steer flows on {interfaceName}", Errno.NoDevice);
        }

        InterfaceName = interfaceName;
        Mark = mark;
        _table = new OwnedTable($"steer flows on {interfaceName}", Netfilter.FamilyNetdev, batch =>
        {
            batch.NewFlowSet(NfFlowSet.IPv4).NewFlowSet(NfFlowSet.IPv6);
            if (parts.MarkReceived)
                MarkReceived(batch, parts.DropInKernel);
            if (parts.FenceSent)
                FenceSent(batch);
        });
    }

    public string InterfaceName { get; }

    public uint Mark { get; }

    /// <summary>The name of the nftables table (family netdev).</summary>
    public string TableName => _table.Name;

    /// <summary>Takes a flow. Every frame that arrives after this returns is marked. Claiming it again changes nothing.</summary>
    /// <exception cref="NetlinkException">The kernel refused; the flow is not claimed.</exception>
    public void Claim(in FlowKey flow) => Claim([flow]);

    /// <summary>Takes many flows, 1,000 in one transaction.</summary>
    /// <exception cref="NetlinkException">The kernel refused; earlier transactions stand, so release them all.</exception>
    public void Claim(params ReadOnlySpan<FlowKey> flows)
    {
        for (; !flows.IsEmpty; flows = flows[Math.Min(FlowsPerBatch, flows.Length)..])
            Commit("claim flows", flows[..Math.Min(FlowsPerBatch, flows.Length)], add: true);
    }

    /// <summary>Gives a flow back to the kernel, in both directions at once.</summary>
    /// <returns>False when it was not claimed.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool Release(in FlowKey flow)
    {
        try
        {
            Commit("release a flow", [flow], add: false);
            return true;
        }
        catch (NetlinkException exception) when (exception.Errno == Errno.NoEntry)
        {
            return false;
        }
    }

    /// <summary>Gives many flows back, 1,000 in one transaction; those that were not claimed do not matter.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Release(params ReadOnlySpan<FlowKey> flows)
    {
        for (; !flows.IsEmpty; flows = flows[Math.Min(FlowsPerBatch, flows.Length)..])
        {
            var some = flows[..Math.Min(FlowsPerBatch, flows.Length)];
            try
            {
                Commit("release flows", some, add: false);
            }
            catch (NetlinkException exception) when (exception.Errno == Errno.NoEntry)
            {
                // One that is missing fails the whole transaction.
                foreach (ref readonly var flow in some)
                    Release(flow);
            }
        }
    }

    public void Dispose() => _table.Dispose();

    private void MarkReceived(NfTablesBatch batch, bool dropInKernel) => batch
        .NewChain("ingress", NfHook.NetdevIngress, Priority, InterfaceName)
        .NewRule("ingress", rule => rule.IsOfVlan().Accept())
        .NewRule("ingress", rule => Take(rule.IsToThisHost().IsIPv4().IsTcp().IsNoIPv4Fragment()
            .IsIn(NfFlowSet.IPv4, arriving: true), dropInKernel))
        .NewRule("ingress", rule => rule.IsIPv6().IsTcp().IsRoutedOnwards().Accept())
        .NewRule("ingress", rule => Take(rule.IsToThisHost().IsIPv6().IsTcp().IsIn(NfFlowSet.IPv6, arriving: true)
            .IsNoIPv6Fragment().IsNotAuthenticated(), dropInKernel));

    private NfRule Take(NfRule rule, bool dropInKernel) => dropInKernel ? rule.SetMark(Mark).MakeForeign() : rule.SetMark(Mark);

    private void FenceSent(NfTablesBatch batch) => batch
        .NewChain("egress", NfHook.NetdevEgress, Priority, InterfaceName)
        .NewRule("egress", rule => rule.MarkIsNot(Mark).IsIPv4().IsTcp().IsIn(NfFlowSet.IPv4, arriving: false).Drop())
        .NewRule("egress", rule => rule.MarkIsNot(Mark).IsIPv6().IsTcp().IsIn(NfFlowSet.IPv6, arriving: false).Drop());

    private void Commit(string operation, ReadOnlySpan<FlowKey> flows, bool add)
        => _table.Commit(_table.Change(operation).Elements(flows, add));
}
