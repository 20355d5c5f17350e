using System.Text.Json;
using TcpActors.HostSide;

namespace TcpActors.Cli.Control;

/// <summary>What a running server can be asked: one JSON object on a line. The answer is one <see cref="ControlResponse"/>.</summary>
/// <param name="Command"><c>connections</c>, <c>offload</c> or <c>upload</c>.</param>
/// <param name="Ids">The connections to move; null: all.</param>
internal sealed record ControlRequest(string Command, IReadOnlyList<long>? Ids = null)
{
    public const string Connections = "connections";
    public const string Offload = "offload";
    public const string Upload = "upload";
}

/// <summary>Either <paramref name="Error"/> is set, or what the command asks for.</summary>
/// <param name="Error">Why nothing was done, for people.</param>
/// <param name="Connections">One <see cref="ConnectionReport"/> each, as <see cref="ControlJson.Element(ConnectionReport)"/> writes it.</param>
/// <param name="Moves">What became of the moves.</param>
/// <param name="Toes">With the connections: one <see cref="HostSide.Statistics.ToeStatistics"/> each.</param>
internal sealed record ControlResponse(
    string? Error = null,
    IReadOnlyList<JsonElement>? Connections = null,
    MoveSummary? Moves = null,
    IReadOnlyList<JsonElement>? Toes = null);

/// <summary>What became of the moves that were asked for.</summary>
/// <param name="Moved">Connections that changed hands.</param>
/// <param name="Unmoved">Connections that were where they were wanted.</param>
/// <param name="Refused">Connections that stay where they are, with the reason.</param>
/// <param name="Unknown">Numbers that no connection has, any more or yet.</param>
internal sealed record MoveSummary(int Moved, int Unmoved, IReadOnlyList<RefusalSummary> Refused, IReadOnlyList<long> Unknown)
{
    public static MoveSummary From(MoveResult result, IReadOnlyList<long> unknown) => new(
        result.Moved,
        result.Unmoved,
        [.. result.Refused.Select(each => new RefusalSummary(each.Connection.Value, each.Reason))],
        unknown);
}

/// <inheritdoc cref="Refusal"/>
internal sealed record RefusalSummary(long Id, string Reason);
