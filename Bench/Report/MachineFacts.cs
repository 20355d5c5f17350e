using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace TcpActors.Bench.Report;

/// <summary>Where, when and of what the figures were taken.</summary>
/// <param name="Date">UTC, ISO 8601.</param>
/// <param name="Command">The bench's arguments.</param>
/// <param name="Commit">Of the sources, with a plus sign when they had been changed since; "unknown" outside of a repository.</param>
/// <param name="Processor">Its model.</param>
/// <param name="Cores">That this process may use.</param>
/// <param name="MemoryBytes">Of the machine.</param>
/// <param name="Kernel">Its release.</param>
/// <param name="Runtime">.NET's version.</param>
/// <param name="Runs">Rounds that count.</param>
/// <param name="Seconds">Length of a run.</param>
internal sealed record MachineFacts(
    string Date, string Command, string Commit, string Processor, int Cores, long MemoryBytes, string Kernel, string Runtime, int Runs,
    double Seconds)
{
    /// <summary>All but the command, for people.</summary>
    [JsonIgnore]
    public string Where => $"{Date[..10]}, commit {Commit}, {Processor} with {Cores} cores, Linux {Kernel}, {Runtime}.";

    /// <summary>With the command: what stands above a table in a page.</summary>
    [JsonIgnore]
    public string Heading => $"{Where}\nCommand: `dotnet run --project Bench -c Release -- {Command}`.\n";

    public static MachineFacts Take(string command, int runs, double seconds) => new(
        TimeProvider.System.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        command,
        CommitOfSources(),
        ProcessorModel(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        RuntimeInformation.FrameworkDescription,
        runs,
        seconds);

    private static string ProcessorModel() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();

    private static string CommitOfSources()
    {
        try
        {
            using Process git = Process.Start(new ProcessStartInfo("git", ["describe", "--always", "--dirty=+", "--exclude=*"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = AppContext.BaseDirectory,
                UseShellExecute = false,
            })!;
            string text = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? text : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}
