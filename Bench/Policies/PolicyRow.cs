using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;
using TcpActors.Bench.Serving;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench.Policies;

/// <summary>
/// A load that the engine serves under several policies. It is an amount of work, not a time: whatever the policy, the same bytes are moved in the same
/// exchanges, so that processor time can be compared.
/// </summary>
internal sealed class PolicyRow(string name, string title, IReadOnlyList<ConnectionKind> kinds, params IReadOnlyList<Contender> policies) : Row
{
    /// <summary>Processor time of the machine for each byte of payload, in ns.</summary>
    public const string MachinePerByte = "machine-ns-per-byte";

    /// <summary>The same of the serving process alone.</summary>
    public const string ProcessPerByte = "process-ns-per-byte";

    public override string Name => name;

    public override string Title => title;

    public override IReadOnlyList<Contender> Contenders => policies;

    public override bool ComparesBytes => false;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(MachinePerByte, "ns of the machine for a byte", Better.Lower),
        new(ProcessPerByte, "ns of the serving process for a byte", Better.Lower),
    ];

    /// <summary>The policy that a contender stands for.</summary>
    public static IOffloadPolicy PolicyOf(Contender contender) => contender switch
    {
        Contender.Always => OffloadPolicies.Always,
        Contender.Never => OffloadPolicies.Never,
        Contender.Adaptive => OffloadPolicies.Adaptive,
        _ => throw new BenchException($"{contender} is no policy."),
    };

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new PolicyServing(PolicyOf(on), $"{name}-{on}"));

    public override Figures Load(LoadOrder order)
    {
        // The seconds are the load's units: under Never it takes about that long.
        double units = order.Seconds;
        CpuReading start = CpuReading.Take(order.ServerProcess);
        ExchangeLoad.Run(order.EndPoint(), kinds, units);
        Figures figures = CpuReading.Take(order.ServerProcess).Since(start);
        long bytes = kinds.Sum(kind => kind.BytesIn(units));
        figures["bytes"] = bytes;
        figures["exchanges"] = kinds.Sum(kind => kind.ExchangesOfAll(units));
        figures[MachinePerByte] = figures[Figures.Machine] * 1e9 / bytes;
        figures[ProcessPerByte] = (figures[Figures.ServerUser] + figures[Figures.ServerSystem]) * 1e9 / bytes;
        return figures;
    }

    public override async Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order)
    {
        await processes.AskServerAsync(PolicyServing.Begin);
        Figures figures = await processes.LoadAsync(order);
        foreach ((string what, double value) in await processes.AskServerAsync(PolicyServing.Done))
        {
            figures[what] = value;
        }

        return figures;
    }
}
