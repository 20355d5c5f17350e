using System.CommandLine.Parsing;

namespace TcpActors.Cli.Parsing;

/// <summary>Parses words of the command line; what is wrong with one becomes the parser's error.</summary>
internal static class Words
{
    /// <param name="result">The option's or argument's one word.</param>
    /// <param name="parse">Throws <see cref="FormatException"/> with a message that says what is understood.</param>
    public static T? Parse<T>(ArgumentResult result, Func<string, T> parse) =>
        ParseEach(result, parse) is [var first, ..] ? first : default;

    /// <summary>Reads one of an enumeration's names, in any case.</summary>
    /// <exception cref="FormatException">The message lists them.</exception>
    public static T OneOf<T>(string text)
        where T : struct, Enum
        => Array.Exists(Enum.GetNames<T>(), name => name.Equals(text, StringComparison.OrdinalIgnoreCase))
            ? Enum.Parse<T>(text, ignoreCase: true)
            : throw new FormatException($"'{text}' is none of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}.");

    /// <inheritdoc cref="Parse"/>
    public static T[]? ParseEach<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return [.. result.Tokens.Select(token => parse(token.Value))];
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
            return null;
        }
    }
}
