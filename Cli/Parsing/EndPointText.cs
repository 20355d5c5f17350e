using System.Globalization;
using System.Net;

namespace TcpActors.Cli.Parsing;

/// <summary>ADDR:PORT: <c>10.0.0.1:80</c>, <c>[fd00::1]:80</c>, <c>[fe80::1%eth0]:80</c>.</summary>
internal static class EndPointText
{
    /// <exception cref="FormatException">The message says what is understood.</exception>
    public static IPEndPoint Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var address = colon < 0 ? text : text[..colon];
        var bracketed = address.StartsWith('[') && address.EndsWith(']');
        if (colon < 0 || (!bracketed && address.Contains(':', StringComparison.Ordinal)))
        {
            throw new FormatException($"'{text}' has no port: write ADDR:PORT, an IPv6 address in brackets: [fd00::1]:80.");
        }

        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            throw new FormatException($"'{text[(colon + 1)..]}' in '{text}' is not a port: a number from 0 to 65535.");
        }

        // IPAddress.TryParse takes "1" for 0.0.0.1: an IPv4 address here has four parts.
        return IPAddress.TryParse(bracketed ? address[1..^1] : address, out IPAddress? parsed)
            && (bracketed || address.Count(static c => c == '.') == 3)
            ? new IPEndPoint(parsed, port)
            : throw new FormatException(
                $"'{address}' in '{text}' is not an IP address: write 10.0.0.1:80 or [fd00::1]:80 (names are not looked up).");
    }
}
