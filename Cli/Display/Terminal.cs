using System.Text;
using Spectre.Console;

namespace TcpActors.Cli.Display;

/// <summary>Consoles for tables and progress.</summary>
internal static class Terminal
{
    /// <summary>Wide enough for every table here when a file or pipe takes the output.</summary>
    private const int WidthWithoutTerminal = 150;

    private static TextWriter? s_standardOutput;

    /// <summary>
    /// Takes standard output for data: from now on what a library writes to the console goes to standard error, the log's side.
    /// </summary>
    public static TextWriter TakeStandardOutput()
    {
        s_standardOutput = Console.Out;
        Console.SetOut(Console.Error);
        return s_standardOutput;
    }

    public static IAnsiConsole For(TextWriter writer, int widthWithoutTerminal = WidthWithoutTerminal)
    {
        var isTerminal = ReferenceEquals(writer, Console.Error) ? !Console.IsErrorRedirected
            : ReferenceEquals(writer, s_standardOutput) && !Console.IsOutputRedirected;
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new Destination(writer, isTerminal, isTerminal ? TerminalWidth() : widthWithoutTerminal),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
    }

    /// <summary>Some terminals do not say how wide they are.</summary>
    private static int TerminalWidth() => Console.WindowWidth is > 0 and var width ? width : 80;

    /// <summary>Spectre's own looks for terminals by <see cref="Console.Out"/>, which is not the real standard output here.</summary>
    private sealed class Destination(TextWriter writer, bool isTerminal, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => isTerminal;

        public int Width => width;

        public int Height => 25;

        public void SetEncoding(Encoding encoding)
        {
            // The writer has the console's.
        }
    }
}
