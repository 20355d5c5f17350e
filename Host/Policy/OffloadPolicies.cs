using System.Globalization;

namespace TcpActors.HostSide.Policy;

/// <summary>The policies there are.</summary>
public static class OffloadPolicies
{
    private const string AdaptiveName = "adaptive";

    /// <summary>What <see cref="Parse"/> understands, for messages and help.</summary>
    public const string Understood = "adaptive, always, never or bytes:N (N a number of bytes)";

    /// <summary>Every connection, as soon as it is established.</summary>
    public static IOffloadPolicy Always { get; } = new AfterBytesPolicy(0);

    /// <summary>Only what is asked for by hand.</summary>
    public static IOffloadPolicy Never { get; } = new NeverPolicy();

    /// <summary>Where it pays by what was measured (<see cref="AdaptivePolicy"/>). The default.</summary>
    public static IOffloadPolicy Adaptive { get; } = new AdaptivePolicy(new AdaptiveOptions());

    /// <summary>Once a connection has moved that many bytes.</summary>
    public static IOffloadPolicy Bytes(long bytes) => new AfterBytesPolicy(bytes);

    /// <summary>Reads <c>adaptive</c>, <c>always</c>, <c>never</c> or <c>bytes:N</c>.</summary>
    /// <exception cref="FormatException">For anything else; the message says what is understood.</exception>
    public static IOffloadPolicy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            AdaptiveName => Adaptive,
            "always" => Always,
            "never" => Never,
            _ when text.StartsWith("bytes:", StringComparison.Ordinal)
                && long.TryParse(text.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) => Bytes(bytes),
            _ => throw new FormatException($"'{text}' is not a policy: use {Understood}."),
        };
    }

    private sealed class NeverPolicy : IOffloadPolicy
    {
        public string Name => "never";

        public long AskAfterBytes => long.MaxValue;

        public Decision Decide(in OffloadQuestion question) => new(Wish.Stay, 0, "only by hand");
    }
}
