using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Scale;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>
/// What a connection takes that has moved a megabyte each way and now waits for more. It all happens in the serving process, on a veth of
/// its own.
/// </summary>
internal sealed class MemoryRow : Row
{
    private const int Connections = 1000;
    private const string Process = "process";
    private const string Kernel = "kernel";

    public override string Name => "memory";

    public override string Title => $"memory of each of {Connections:N0} idle connections after 1 MiB each way";

    public override IReadOnlyList<Contender> Contenders => [Contender.Engine];

    public override bool ComparesBytes => false;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(Process, "bytes of the process", Better.Lower, 5120, 2048) { BoundsAreAbsolute = true },
        new(Kernel, "bytes of the kernel for the socket that stands by", Better.Lower),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new AnsweringServing(_ => MeasureAsync()));

    public override Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) => processes.AskServerAsync(Name);

    private static async Task<Figures> MeasureAsync()
    {
        IdleMemoryMeasurement measured = await IdleMemoryMeasurement.RunAsync(Connections);
        var figures = new Figures { [Process] = measured.Managed + measured.Native };
        if (measured.Kernel is { } kernel)
        {
            figures[Kernel] = kernel;
        }

        return figures;
    }
}
