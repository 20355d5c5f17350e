using System.Text.Json;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>A record cannot be replayed; the message names file and line.</summary>
public sealed class TraceException : Exception
{
    public TraceException()
    {
    }

    public TraceException(string message)
        : base(message)
    {
    }

    public TraceException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>Reads a record line by line.</summary>
internal static class TraceReader
{
    /// <summary>The lines, of which the first is a <see cref="TraceBegin"/> and no other one is.</summary>
    /// <exception cref="TraceException">While they are enumerated: it is no record, or damaged from that line on.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IEnumerable<TraceLine> Read(string path)
    {
        using var reader = new StreamReader(path);
        int number = 0;
        while (reader.ReadLine() is { } text)
        {
            number++;
            TraceLine line = Parse(path, number, text, isLast: reader.Peek() < 0);
            if (line is TraceBegin != (number == 1))
            {
                throw new TraceException(number == 1
                    ? $"{path}, line 1: this is no record of a policy: 'tcpactors serve --record FILE' writes one."
                    : $"{path}, line {number}: a second record begins here: replay them one by one.");
            }

            yield return line;
        }

        if (number == 0)
        {
            throw new TraceException($"{path} is empty: 'tcpactors serve --record FILE' writes a record.");
        }
    }

    private static TraceLine Parse(string path, int number, string text, bool isLast)
    {
        try
        {
            TraceLine? line = JsonSerializer.Deserialize(text, TraceJson.Default.TraceLine);
            if (line is TraceBegin { Version: not TraceBegin.Known } begin)
            {
                throw new TraceException($"{path}, line 1: a record of version {begin.Version}; this command reads version {TraceBegin.Known}.");
            }

            if (line is TraceSample sample)
            {
                _ = TraceText.Of(sample);
            }

            return line ?? throw new FormatException("null");
        }
        catch (Exception e) when (e is JsonException or FormatException or NotSupportedException)
        {
            throw new TraceException(
                number == 1 ? $"{path}, line 1: this is no record of a policy: 'tcpactors serve --record FILE' writes one."
                : isLast ? $"{path}, line {number}: the record breaks off in the middle of a line: remove that line to replay what is before it."
                : $"{path}, line {number}: this is no line of a record ({e.Message})",
                e);
        }
    }
}
