using System.ComponentModel;
using System.Diagnostics;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Measuring;

/// <summary>Where the serving process spends its time on a row, as perf(1) sees it: managed methods, runtime and kernel together.</summary>
internal static class Profile
{
    /// <summary>Has the runtime write which method lies where (<c>/tmp/perf-PID.map</c>), where perf looks for it.</summary>
    private const string MethodMap = "DOTNET_PerfMapEnabled";

    /// <summary>Compiled code otherwise lies in a mapping of a file, and perf does not look into the map for that.</summary>
    private const string DoubleMapping = "DOTNET_EnableWriteXorExecute";

    /// <param name="row">What is run.</param>
    /// <param name="on">Whose serving process is looked at.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="file">Gets perf's data; null: it is thrown away.</param>
    /// <returns>What <c>perf report</c> says, methods with the most time of their own first.</returns>
    /// <exception cref="BenchException">There is no perf, or it failed.</exception>
    public static async Task<string> TakeAsync(Row row, Contender on, double seconds, string? file)
    {
        Environment.SetEnvironmentVariable(MethodMap, "3");
        Environment.SetEnvironmentVariable(DoubleMapping, "0");
        string data = file ?? Path.GetTempFileName();
        await using ContenderProcesses processes = await ContenderProcesses.StartAsync(row, on);
        string map = $"/tmp/perf-{processes.ServerProcess}.map";
        try
        {
            // Warm: else the profile is the compiler's.
            await row.RunAsync(processes, processes.Order(seconds));
            using Process perf = Start(
                ["record", "-e", "cpu-clock", "-F", "1999", "-g", "-p", $"{processes.ServerProcess}", "-o", data], output: false);
            await row.RunAsync(processes, processes.Order(seconds));
            Interrupt(perf);
            await perf.WaitForExitAsync();

            using Process report = Start(
                ["report", "-i", data, "--stdio", "--no-children", "-g", "none", "--percent-limit", "0.5", "--sort", "symbol,dso"], output: true);
            string text = await report.StandardOutput.ReadToEndAsync();
            await report.WaitForExitAsync();
            return report.ExitCode == 0 ? Trimmed(text) : throw new BenchException("perf could not report what it recorded.");
        }
        finally
        {
            File.Delete(map);
            if (file is null)
            {
                File.Delete(data);
            }
        }
    }

    // Without comments, and without the room that perf gives the longest name of a method.
    private static string Trimmed(string report) => string.Join('\n', report.Split('\n')
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => string.Join("  ", line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[..^2])));

    private static Process Start(string[] arguments, bool output)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("perf", arguments)
            {
                RedirectStandardOutput = output,
                RedirectStandardError = true,
                UseShellExecute = false,
            })!;
        }
        catch (Win32Exception exception)
        {
            throw new BenchException("A profile needs the program perf: install it.", exception);
        }
    }

    // SIGINT ends the recording; it writes its file then.
    private static void Interrupt(Process perf)
    {
        using Process kill = Process.Start("kill", ["-INT", $"{perf.Id}"]);
        kill.WaitForExit();
    }
}
