using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using TcpActors.Actors.Contract;
using TcpActors.Cli.Demo;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Statistics;

namespace TcpActors.Cli.Control;

/// <summary>
/// Every JSON this command reads or writes. The variables are written as they are declared in the engine, so a new one appears by itself:
/// sequence numbers and windows as numbers, times in microseconds (null: the timer is off), addresses as text. A sequence number is null
/// while it is not known.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    IncludeFields = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(SeqNumJson), typeof(MicrosecondsJson), typeof(EpochJson), typeof(ConnectionIdJson), typeof(NeighborIdJson),
        typeof(PathIdJson), typeof(EndPointJson), typeof(FlowJson), typeof(TextJson<MacAddress>), typeof(TextJson<InternetAddress>),
    ])]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlResponse))]
[JsonSerializable(typeof(MoveSummary))]
[JsonSerializable(typeof(List<JsonElement>))]
[JsonSerializable(typeof(ConnectionReport))]
[JsonSerializable(typeof(ToeStatistics))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(List<HostSide.Policy.Recording.ReplayResult>))]
[JsonSerializable(typeof(DemoVerdict))]
[JsonSerializable(typeof(ClientOrder))]
[JsonSerializable(typeof(ClientEvent))]
internal sealed partial class ControlJson : JsonSerializerContext
{
    /// <summary>The segment-variant variables that are sequence numbers.</summary>
    public static IReadOnlySet<string> SequenceNumbers { get; } = typeof(SegmentVariants).GetFields()
        .Where(field => field.FieldType == typeof(SeqNum)).Select(field => JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name))
        .ToHashSet(StringComparer.Ordinal);

    public static JsonElement Element(ToeStatistics toe) => JsonSerializer.SerializeToElement(toe, Default.ToeStatistics);

    public static JsonElement Element(ConnectionReport report)
    {
        JsonNode element = JsonSerializer.SerializeToNode(report, Default.ConnectionReport)!;
        if (report.Connection is null)
        {
            // The kernel tells them only when it is asked for the connection.
            foreach (var name in SequenceNumbers)
            {
                element["variants"]![name] = null;
            }
        }

        return JsonSerializer.SerializeToElement(element, Default.JsonNode);
    }
}

/// <summary>A converter for values that are only ever shown.</summary>
internal abstract class WriteOnlyJson<T> : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException($"{typeToConvert.Name} is written, never read.");
}

internal sealed class MicrosecondsJson : WriteOnlyJson<Microseconds>
{
    public override void Write(Utf8JsonWriter writer, Microseconds value, JsonSerializerOptions options)
    {
        if (value.IsNever)
        {
            writer.WriteNullValue();
        }
        else
        {
            writer.WriteNumberValue(value.Value);
        }
    }
}

/// <summary>A converter for values that are a number with a meaning.</summary>
internal abstract class NumberJson<T>(Func<T, long> number) : WriteOnlyJson<T>
{
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteNumberValue(number(value));
}

internal sealed class SeqNumJson() : NumberJson<SeqNum>(static number => number.Value);

internal sealed class EpochJson() : NumberJson<Epoch>(static epoch => epoch.Value);

internal sealed class ConnectionIdJson() : NumberJson<ConnectionId>(static id => id.Value);

internal sealed class NeighborIdJson() : NumberJson<NeighborId>(static id => id.Value);

internal sealed class PathIdJson() : NumberJson<PathId>(static id => id.Value);

internal sealed class EndPointJson : WriteOnlyJson<IPEndPoint>
{
    public override void Write(Utf8JsonWriter writer, IPEndPoint value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

internal sealed class FlowJson : WriteOnlyJson<FlowKey>
{
    public override void Write(Utf8JsonWriter writer, FlowKey value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("local_address", value.LocalAddress.ToString());
        writer.WriteNumber("local_port", value.LocalPort);
        writer.WriteString("remote_address", value.RemoteAddress.ToString());
        writer.WriteNumber("remote_port", value.RemotePort);
        writer.WriteEndObject();
    }
}

internal sealed class TextJson<T> : WriteOnlyJson<T>
    where T : notnull
{
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
