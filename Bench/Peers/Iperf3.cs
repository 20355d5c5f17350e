using System.Text.Json;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Peers;

/// <summary>What a C program reaches on kernel sockets at both ends, for reference on bulk rows.</summary>
internal sealed class Iperf3 : Peer
{
    /// <summary>Whether it is installed.</summary>
    public static bool IsInstalled { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "iperf3")));

    public override string Name => "iperf3";

    public override bool Takes(Row row) => row is BulkRow { IsCopy: false };

    protected override string Command(IReadOnlyDictionary<string, string> words)
    {
        if (words["role"] is "server")
        {
            return $"exec iperf3 --server --one-off --forceflush --bind {words["address"]} --port {words["port"]}";
        }

        // Seen from the server: when that sends, the client asks for it in reverse. Whole seconds only.
        string reverse = words["direction"] is "send" ? "--reverse" : "";
        int seconds = Math.Max(1, (int)double.Parse(words["seconds"], System.Globalization.CultureInfo.InvariantCulture));
        return $"exec iperf3 --client {words["address"]} --port {words["port"]} --parallel {words["streams"]} --time {seconds} --json {reverse}";
    }

    protected override double? Read(string output)
    {
        using JsonDocument document = JsonDocument.Parse(output);
        return document.RootElement.TryGetProperty("end", out JsonElement end) && end.TryGetProperty("sum_received", out JsonElement sum)
            ? sum.GetProperty("bits_per_second").GetDouble() / 1e9
            : null;
    }
}
