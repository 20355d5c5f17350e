using Spectre.Console;

namespace TcpActors.Cli.Display;

/// <summary>Consoles for tables and progress.</summary>
internal static class Terminal
{
    /// <summary>Wide enough for every table here when a file or pipe takes the output.</summary>
    private const int WidthWithoutTerminal = 150;

    public static IAnsiConsole For(TextWriter writer, int widthWithoutTerminal = WidthWithoutTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (!console.Profile.Out.IsTerminal)
        {
            console.Profile.Width = widthWithoutTerminal;
        }

        return console;
    }
}
