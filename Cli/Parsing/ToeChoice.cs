using TcpActors.HostSide;

namespace TcpActors.Cli.Parsing;

/// <summary>[NAME=]INTERFACE.</summary>
internal static class ToeChoice
{
    /// <exception cref="FormatException">The message says what is understood.</exception>
    public static ToeOptions Parse(string text) => text.Split('=') switch
    {
        [{ Length: > 0 } only] => new ToeOptions(only),
        [{ Length: > 0 } name, { Length: > 0 } link] => new ToeOptions(link, name),
        _ => throw new FormatException($"'{text}' is not a TOE: write INTERFACE or NAME=INTERFACE, for example eth0 or front=eth0."),
    };
}
