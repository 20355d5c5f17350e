using System.CommandLine.Parsing;

namespace TcpActors.Cli.Parsing;

/// <summary>Parses words of the command line; what is wrong with one becomes the parser's error.</summary>
internal static class Words
{
    /// <param name="result">The option's or argument's one word.</param>
    /// <param name="parse">Throws <see cref="FormatException"/> with a message that says what is understood.</param>
    public static T? Parse<T>(ArgumentResult result, Func<string, T> parse) =>
        ParseEach(result, parse) is [var first, ..] ? first : default;

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
