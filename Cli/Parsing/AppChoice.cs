using System.Globalization;

namespace TcpActors.Cli.Parsing;

/// <summary>What a server does with its connections.</summary>
internal abstract record AppChoice
{
    private AppChoice()
    {
    }

    public sealed record Echo : AppChoice;

    public sealed record Discard : AppChoice;

    /// <param name="Bytes">How many bytes each connection gets; null: until the client goes.</param>
    public sealed record Chargen(long? Bytes) : AppChoice;

    /// <param name="Directory">The full path of the directory whose files are served.</param>
    public sealed record Http(string Directory) : AppChoice;

    /// <summary>Reads <c>echo</c>, <c>discard</c>, <c>chargen[:BYTES]</c> or <c>http:DIR</c>.</summary>
    /// <exception cref="FormatException">The message says what is understood.</exception>
    public static AppChoice Parse(string text) => text.Split(':', 2) switch
    {
        ["echo"] => new Echo(),
        ["discard"] => new Discard(),
        ["chargen"] => new Chargen(null),
        ["chargen", var bytes] => long.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? new Chargen(count)
            : throw new FormatException($"'{bytes}' in '{text}' is not a number of bytes: write for example chargen:1000000."),
        ["http", var directory] => Directory.Exists(directory)
            ? new Http(Path.GetFullPath(directory))
            : throw new FormatException($"There is no directory '{directory}' for '{text}': write http:DIR with one that exists."),
        _ => throw new FormatException($"'{text}' is not an application: use echo, discard, chargen[:BYTES] or http:DIR."),
    };
}
