using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace TcpActors.Bench.EnginePaths;

/// <summary>What one path of the engine costs.</summary>
/// <param name="Path">Which.</param>
/// <param name="Nanoseconds">Mean time.</param>
/// <param name="Error">Half of its 99.9 % confidence interval; nanoseconds.</param>
/// <param name="AllocatedBytes">On the managed heap.</param>
internal sealed record EnginePath(string Path, double Nanoseconds, double Error, double AllocatedBytes);

/// <summary>Measures the engine's own paths with BenchmarkDotNet, in this process.</summary>
internal static class EngineRun
{
    /// <param name="artifacts">Folder for BenchmarkDotNet's own files, its JSON among them.</param>
    /// <param name="quick">One short iteration: to see whether everything works.</param>
    /// <exception cref="BenchException">A benchmark failed.</exception>
    public static IReadOnlyList<EnginePath> Run(string artifacts, bool quick)
    {
        Job job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance);
        job = quick
            ? job.WithWarmupCount(1).WithIterationCount(1).WithIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(50))
            : job.WithWarmupCount(5).WithIterationCount(10).WithIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(250));
        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddExporter(JsonExporter.Full)
            .AddLogger(ConsoleLogger.Default)
            .WithOptions(ConfigOptions.JoinSummary)
            .WithArtifactsPath(Path.GetFullPath(artifacts));
        Summary[] summaries = BenchmarkRunner.Run([typeof(SegmentBenchmarks), typeof(OwnershipBenchmarks)], config);
        BenchmarkReport[] reports = [.. summaries.SelectMany(summary => summary.Reports)];
        if (reports.Length == 0 || reports.Any(report => !report.Success || report.ResultStatistics is null))
        {
            throw new BenchException("BenchmarkDotNet could not measure every path; what it said is above.");
        }

        // As they stand in the sources, not in the order of their speed.
        return
        [
            .. reports.OrderBy(report => report.BenchmarkCase.Descriptor.Type == typeof(OwnershipBenchmarks))
                .ThenBy(report => report.BenchmarkCase.Descriptor.WorkloadMethod.MetadataToken)
                .Select(ToPath),
        ];
    }

    private static EnginePath ToPath(BenchmarkReport report) => new(
        report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''),
        report.ResultStatistics!.Mean,
        report.ResultStatistics.ConfidenceInterval.Margin,
        report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0);
}
