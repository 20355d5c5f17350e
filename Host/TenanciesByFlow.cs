using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>Offloaded connections by their flows, which stand in the tenancies and nowhere else. Used by the host supervisor only.</summary>
internal sealed class TenanciesByFlow
{
    private readonly HashSet<Tenancy> _tenancies;
    private readonly HashSet<Tenancy>.AlternateLookup<FlowKey> _byFlow;

    public TenanciesByFlow()
    {
        _tenancies = new HashSet<Tenancy>(new ByFlow());
        _byFlow = _tenancies.GetAlternateLookup<FlowKey>();
    }

    public Tenancy? GetValueOrDefault(FlowKey flow) => _byFlow.TryGetValue(flow, out Tenancy? tenancy) ? tenancy : null;

    /// <summary>From now on the flow is that of this tenancy, which knows it.</summary>
    public void Set(Tenancy tenancy)
    {
        _byFlow.Remove(tenancy.Flow);
        _tenancies.Add(tenancy);
    }

    public void Remove(FlowKey flow) => _byFlow.Remove(flow);

    private sealed class ByFlow : IEqualityComparer<Tenancy>, IAlternateEqualityComparer<FlowKey, Tenancy>
    {
        public bool Equals(Tenancy? x, Tenancy? y) => x!.Flow == y!.Flow;

        public bool Equals(FlowKey alternate, Tenancy other) => alternate == other.Flow;

        public int GetHashCode(Tenancy tenancy) => tenancy.Flow.GetHashCode();

        public int GetHashCode(FlowKey alternate) => alternate.GetHashCode();

        public Tenancy Create(FlowKey alternate) => throw new NotSupportedException("A flow alone makes no tenancy.");
    }
}
