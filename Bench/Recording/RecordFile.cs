using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace TcpActors.Bench.Recording;

/// <summary>
/// A record: compressed lines of JSON, each with what one call of <c>tcpactors connections --json</c> has printed, when, of which server, and what was
/// going on. <c>zcat FILE | jq</c> reads it.
/// </summary>
internal sealed class RecordFile : IDisposable
{
    private readonly StreamWriter _lines;

    /// <param name="file">Made or overwritten.</param>
    public RecordFile(string file) =>
        _lines = new StreamWriter(new GZipStream(File.Create(file), CompressionLevel.SmallestSize), new UTF8Encoding(false)) { NewLine = "\n" };

    /// <param name="line">What was printed.</param>
    public void Write(RecordLine line) => _lines.WriteLine(JsonSerializer.Serialize(line, RecordJson.Default.RecordLine));

    public void Dispose() => _lines.Dispose();

    /// <exception cref="BenchException">It is not such a file.</exception>
    public static IEnumerable<RecordLine> Read(string file)
    {
        using var lines = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress), Encoding.UTF8);
        while (ReadLine(lines, file) is { } line)
        {
            yield return line;
        }
    }

    private static RecordLine? ReadLine(StreamReader lines, string file)
    {
        try
        {
            return lines.ReadLine() is { } line ? JsonSerializer.Deserialize(line, RecordJson.Default.RecordLine) : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException)
        {
            throw new BenchException($"{file} is no record: {exception.Message}", exception);
        }
    }
}

/// <summary>One call.</summary>
/// <param name="Seconds">Since the record was begun.</param>
/// <param name="During">What was going on.</param>
/// <param name="Server">The application of the server that was asked.</param>
/// <param name="Connections">What it printed.</param>
internal sealed record RecordLine(double Seconds, string During, string Server, JsonElement Connections);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.SnakeCaseLower)]
[System.Text.Json.Serialization.JsonSerializable(typeof(RecordLine))]
internal sealed partial class RecordJson : System.Text.Json.Serialization.JsonSerializerContext;
