using TcpActors.Bench.Policies;

namespace TcpActors.Bench.Rows;

/// <summary>All rows, in the order of the table.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<Row> Rows { get; } =
    [
        new BulkRow(fromServer: true, streams: 1, linkOffloads: true),
        new BulkRow(fromServer: true, streams: 8, linkOffloads: true),
        new BulkRow(fromServer: false, streams: 1, linkOffloads: true),
        new BulkRow(fromServer: false, streams: 1, linkOffloads: true, copy: true),
        new BulkRow(fromServer: false, streams: 8, linkOffloads: true),
        new BulkRow(fromServer: true, streams: 1, linkOffloads: false),
        new BulkRow(fromServer: true, streams: 8, linkOffloads: false),
        new BulkRow(fromServer: false, streams: 1, linkOffloads: false),
        new BulkRow(fromServer: false, streams: 8, linkOffloads: false),
        new LossRow(fromServer: true, oneOf: 1000),
        new LossRow(fromServer: true, oneOf: 100),
        new LossRow(fromServer: true, oneOf: 20),
        new LossRow(fromServer: false, oneOf: 1000),
        new LossRow(fromServer: false, oneOf: 100),
        new LossRow(fromServer: false, oneOf: 20),
        new MovedLossRow(oneOf: 100),
        new RequestRow(size: 64, connections: 1),
        new RequestRow(size: 64, connections: 64),
        new RequestRow(size: 64, connections: 256),
        new RequestRow(size: 16384, connections: 1),
        new RequestRow(size: 16384, connections: 64),
        new RequestRow(size: 16384, connections: 256),
        new ConnectRow(offload: false),
        new ConnectRow(offload: true),
        new KestrelRow(),
        new CrowdRow(),
        new MemoryRow(),
        new BlackoutRow(),
        new MoveCostRow(),
    ];

    /// <exception cref="BenchException">There is none of that name.</exception>
    public static Row Find(string name) =>
        Rows.Concat(PolicyLoads.Loads).Concat(PolicyLoads.Parts).FirstOrDefault(row => string.Equals(row.Name, name, StringComparison.Ordinal))
        ?? throw new BenchException($"There is no row '{name}'. 'list' shows them all.");
}
