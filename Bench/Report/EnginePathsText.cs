using System.Globalization;
using System.Text;
using TcpActors.Bench.EnginePaths;

namespace TcpActors.Bench.Report;

/// <summary>The engine's own paths as a Markdown table.</summary>
internal static class EnginePathsText
{
    public static string Of(MachineFacts machine, IReadOnlyList<EnginePath> paths)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            {machine.Where}
            Command: `dotnet run --project Bench -c Release -- {machine.Command}`. BenchmarkDotNet, in one process, no link and no actor.

            | path | ns | ± | bytes allocated |
            | --- | --- | --- | --- |

            """);
        foreach (EnginePath path in paths)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| {path.Path} | {Figure.Of(path.Nanoseconds)} | {Figure.Of(path.Error)} | {path.AllocatedBytes:0.##} |\n");
        }

        return text.ToString();
    }
}
