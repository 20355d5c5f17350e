using System.Diagnostics;
using System.Text.RegularExpressions;

namespace TcpActors.Mutation;

/// <summary>What became of a mutant.</summary>
internal enum Fate
{
    Survived,
    Killed,

    /// <summary>A spec did not end, or the process did before its time: nobody would overlook that.</summary>
    Hung,
}

/// <summary>
/// A copy of the built specs, which are run with one engine after another, each time in a new process: <see cref="Stages"/> one after the other, until one
/// spec fails.
/// </summary>
internal sealed partial class SpecRun : IDisposable
{
    // What is in the table of goodputs changes with any behaviour: a mutant that only it kills is counted apart.
    private const string Table = "Category=GoodputTable";

    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("mutation-");
    private readonly TimeSpan _limit;
    private readonly int _stages;

    /// <param name="built">Where the specs are.</param>
    /// <param name="limit">How long a stage may take.</param>
    /// <param name="stages">How many of the stages are run.</param>
    public SpecRun(string built, TimeSpan limit, int stages)
    {
        (_limit, _stages) = (limit, stages);
        if (!File.Exists(Path.Combine(built, "TcpActors.Specs.dll")))
        {
            throw new MutationException($"There are no specs in {built}. Build the solution for release first.");
        }

        foreach (string file in Directory.EnumerateFiles(built, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(_copy.FullName, Path.GetRelativePath(built, file));
            if (!copy.Contains("/runtimes/", StringComparison.Ordinal))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
        }

        File.WriteAllText(
            Path.Combine(_copy.FullName, "stop.runsettings"),
            "<RunSettings><xUnit><StopOnFail>true</StopOnFail></xUnit></RunSettings>");
    }

    /// <summary>The nearest specs first, those that take long last.</summary>
    public static IReadOnlyList<(string Name, string Filter)> Stages(string folder) =>
    [
        (folder, $"FullyQualifiedName~Specs.Engine.{folder}&Duration!=Long"),
        ("Engine", $"FullyQualifiedName~Specs.Engine&FullyQualifiedName!~Specs.Engine.{folder}&Duration!=Long"),
        ("Simulation", "FullyQualifiedName~Specs.Simulation&Category!=GoodputTable&Duration!=Long"),
        ("long", "(FullyQualifiedName~Specs.Engine|FullyQualifiedName~Specs.Simulation)&Duration=Long"),
        ("table", Table),
    ];

    /// <returns>The fate, the stage that decided, and the spec that failed first.</returns>
    public (Fate Fate, string Stage, string Spec) Judge(byte[] engine, string folder)
    {
        File.WriteAllBytes(Path.Combine(_copy.FullName, "TcpActors.Engine.dll"), engine);
        foreach ((string name, string filter) in Stages(folder).Take(_stages))
        {
            (Fate fate, string spec) = Run(filter);
            if (fate != Fate.Survived)
            {
                return (fate, name, spec);
            }
        }

        return (Fate.Survived, "", "");
    }

    public void Dispose() => _copy.Delete(recursive: true);

    [GeneratedRegex(@"^\s+Failed (?:TcpActors\.Specs\.)?(?<name>[\w.]+)", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex FailedSpec();

    private (Fate Fate, string Spec) Run(string filter)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])
            ["vstest", Path.Combine(_copy.FullName, "TcpActors.Specs.dll"), $"--TestCaseFilter:{filter}", $"--Settings:{_copy.FullName}/stop.runsettings"])
        {
            start.ArgumentList.Add(argument);
        }

        // A mutant may allocate without end.
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x80000000";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process process = Process.Start(start)!;

        // The time begins with the first words, as the process may have been made to wait before them.
        string first = process.StandardOutput.ReadLine() ?? "";
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(_limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (Fate.Hung, "time");
        }

        string said = first + output.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult();
        Match failed = FailedSpec().Match(said);
        if (failed.Success)
        {
            return (Fate.Killed, failed.Groups["name"].Value);
        }

        return process.ExitCode == 0 && said.Contains("Passed!", StringComparison.Ordinal) ? (Fate.Survived, "")
            : said.Contains("abort", StringComparison.OrdinalIgnoreCase) ? (Fate.Hung, "crash")
            : throw new MutationException($"The specs cannot be run: {said}");
    }
}
