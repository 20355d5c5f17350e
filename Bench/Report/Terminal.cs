using Spectre.Console;

namespace TcpActors.Bench.Report;

/// <summary>Where tables are shown.</summary>
internal static class Terminal
{
    private const int Width = 170;

    public static void Show(Table table)
    {
        // A pipe has no width of its own.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, Width);
        AnsiConsole.Write(table);
    }
}
