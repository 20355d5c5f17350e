namespace TcpActors.HostSide.Policy;

/// <summary>What is known of a connection when a policy is asked.</summary>
/// <param name="BytesReceived">Bytes received since the connection was set up.</param>
/// <param name="BytesSent">Bytes sent and, as far as the owner can tell, delivered.</param>
public readonly record struct ConnectionActivity(long BytesReceived, long BytesSent)
{
    public long BytesMoved => BytesReceived + BytesSent;
}

/// <summary>Decides when the host offloads a connection by itself. Asked when a connection is set up and as bytes move.</summary>
public interface IOffloadPolicy
{
    /// <summary>For people: what lists and help call it.</summary>
    string Name { get; }

    bool ShouldOffload(in ConnectionActivity activity);
}

/// <summary>The policies that need no more than a number.</summary>
public static class OffloadPolicies
{
    /// <summary>Every connection, as soon as it is established.</summary>
    public static IOffloadPolicy Always { get; } = new AfterBytes(0);

    /// <summary>Only what is asked for by hand.</summary>
    public static IOffloadPolicy Never { get; } = new NeverPolicy();

    /// <summary>Once a connection has moved that many bytes: set-up and tear-down of a short one cost more than its offload saves.</summary>
    public static IOffloadPolicy Bytes(long bytes) => new AfterBytes(bytes);

    /// <summary>Reads <c>always</c>, <c>never</c> or <c>bytes:N</c>.</summary>
    /// <exception cref="FormatException">For anything else; the message says what is understood.</exception>
    public static IOffloadPolicy Parse(string text) => text switch
    {
        "always" => Always,
        "never" => Never,
        _ when text.StartsWith("bytes:", StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(6), System.Globalization.CultureInfo.InvariantCulture, out long bytes) && bytes >= 0 => Bytes(bytes),
        _ => throw new FormatException($"'{text}' is not a policy: use always, never or bytes:N (N a number of bytes)."),
    };

    private sealed class AfterBytes(long bytes) : IOffloadPolicy
    {
        public string Name => bytes == 0 ? "always" : $"bytes:{bytes}";

        public bool ShouldOffload(in ConnectionActivity activity) => activity.BytesMoved >= bytes;
    }

    private sealed class NeverPolicy : IOffloadPolicy
    {
        public string Name => "never";

        public bool ShouldOffload(in ConnectionActivity activity) => false;
    }
}
