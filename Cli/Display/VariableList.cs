using System.Text.Json;
using TcpActors.Cli.Control;

namespace TcpActors.Cli.Display;

/// <summary>The three sets of variables of a connection as its JSON holds them, for people.</summary>
internal static class VariableList
{
    /// <summary>Title, property of the report, and who writes it.</summary>
    public static IReadOnlyList<(string Title, string Property, string Writer)> Sets { get; } =
    [
        ("connection-invariant", "connection", "the host, once"),
        ("segment-invariant", "segment", "the host"),
        ("segment-variant", "variants", "the owner"),
    ];

    /// <summary>Name and value of each variable of one set; none while the set is not known.</summary>
    public static IEnumerable<(string Name, string Value)> Of(JsonElement report, string property) =>
        report.GetProperty(property) is { ValueKind: JsonValueKind.Object } set ? Flatten(set, string.Empty) : [];

    private static IEnumerable<(string Name, string Value)> Flatten(JsonElement set, string prefix) => set.EnumerateObject().SelectMany(
        variable => variable.Value.ValueKind == JsonValueKind.Object
            ? Flatten(variable.Value, $"{prefix}{variable.Name}.")
            : [(prefix + variable.Name, Text(variable))]);

    private static string Text(JsonProperty variable) => variable.Value.ValueKind switch
    {
        JsonValueKind.Null when ControlJson.SequenceNumbers.Contains(variable.Name) || variable.Name is "upper" or "since_last" or "last_took" => "-",
        JsonValueKind.Null => "off",
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        _ => variable.Value.ToString(),
    };
}
