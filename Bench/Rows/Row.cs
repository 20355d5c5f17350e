using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>
/// A row of the table: what is measured, and how. A row exists three times: in the coordinator, in the process that serves
/// (<see cref="ServeAsync"/>) and in the one that loads it (<see cref="Load"/>); the three find it by its name in the <see cref="Catalogue"/>.
/// </summary>
internal abstract class Row
{
    /// <summary>What the command line calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What the table calls it.</summary>
    public abstract string Title { get; }

    /// <summary>The first is the row's own; the others say more about the same runs.</summary>
    public abstract IReadOnlyList<Measure> Measures { get; }

    /// <summary>Who is measured. The kernel, where it takes part, is the ratio's denominator.</summary>
    public virtual IReadOnlyList<Contender> Contenders => [Contender.Kernel, Contender.Engine];

    /// <summary>What joins server and load.</summary>
    public virtual CableOptions Cable => new();

    /// <summary>Whether a run can be one that compares every byte; such a run comes first.</summary>
    public virtual bool ComparesBytes => true;

    /// <summary>What a peer's command may want to know of the row, beside what is common to all.</summary>
    public virtual IReadOnlyDictionary<string, string> PeerWords => new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Starts what is measured, in the process and the network namespace it has to itself.</summary>
    public abstract Task<IServing> ServeAsync(Contender on);

    /// <summary>Loads the server from the other namespace and measures.</summary>
    /// <exception cref="BenchException">The server gave other bytes than it should have.</exception>
    public virtual Figures Load(LoadOrder order) => throw new BenchException($"{Name} is not loaded from outside.");

    /// <summary>One run, in the coordinator. Rows that ask more of their two processes than a load override it.</summary>
    public virtual Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) => processes.LoadAsync(order);
}
