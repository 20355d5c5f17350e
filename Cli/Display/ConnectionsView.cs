using System.Text.Json;
using Spectre.Console;

namespace TcpActors.Cli.Display;

/// <summary>The list of connections for people: first who owns which, then each with every variable.</summary>
internal static class ConnectionsView
{
    public static void Write(TextWriter output, IReadOnlyList<JsonElement> connections)
    {
        IAnsiConsole console = Terminal.For(output);
        if (connections.Count == 0)
        {
            console.WriteLine("no connections");
            return;
        }

        console.Write(Overview(connections));
        foreach (JsonElement connection in connections)
        {
            console.Write(Variables(connection));
            console.Write(Statistics(connection));
        }
    }

    private static Table Overview(IEnumerable<JsonElement> connections)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns(
            "id", "owner", "epoch", "state", "local", "remote", "in", "out", "trend", "errors", "memory", "last refusal");
        foreach (JsonElement each in connections)
        {
            JsonElement statistics = each.GetProperty("statistics");
            table.AddRow(new[]
            {
                Text(each, "id"), Text(each, "owner"), Text(each, "epoch"), State(each), Text(each, "local"), Text(each, "remote"),
                Rate(statistics, "received"), Rate(statistics, "sent"), Text(statistics.GetProperty("trend"), "trend"),
                Text(statistics.GetProperty("errors"), "total"), Quantity.Bytes(statistics.GetProperty("resources").GetProperty("memory").GetDouble()),
                Text(each, "last_refusal"),
            }.Select(Markup.Escape).ToArray());
        }

        return table;
    }

    private static Table Variables(JsonElement connection)
    {
        Table table = new Table().Border(TableBorder.Simple).Title(Markup.Escape(
            $"connection {Text(connection, "id")}: {Text(connection, "owner")}, epoch {Text(connection, "epoch")}, {State(connection)}"));
        foreach ((var title, _, var writer) in VariableList.Sets)
        {
            table.AddColumn($"{title} (written by {writer})");
        }

        return table.AddRow(VariableList.Sets.Select(set => Column(connection, set.Property)).ToArray());
    }

    private static Table Statistics(JsonElement connection) => new Table().Border(TableBorder.Simple)
        .AddColumns("traffic, errors, trend", "state, resources, moves")
        .AddRow(
            Column(connection, "statistics", "received.", "sent.", "errors.", "trend.", "at", "age", "idle"),
            Column(connection, "statistics", "state.", "resources.", "moves.", "tags", "priority"));

    /// <param name="connection">The report.</param>
    /// <param name="property">Which of its parts.</param>
    /// <param name="beginnings">Of the names that are shown; none: all are.</param>
    private static Grid Column(JsonElement connection, string property, params string[] beginnings)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach ((var name, var value) in VariableList.Of(connection, property)
            .Where(each => beginnings.Length == 0 || Array.Exists(beginnings, start => each.Name.StartsWith(start, StringComparison.Ordinal))))
        {
            grid.AddRow(Markup.Escape(name), Markup.Escape(value));
        }

        return grid;
    }

    private static string Rate(JsonElement statistics, string direction) =>
        Quantity.Rate(statistics.GetProperty(direction).GetProperty("bytes_per_second").GetDouble());

    private static string State(JsonElement connection) => connection.GetProperty("variants").GetProperty("state").ToString();

    private static string Text(JsonElement element, string property) => element.GetProperty(property).ToString();
}
