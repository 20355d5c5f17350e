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
        }
    }

    private static Table Overview(IEnumerable<JsonElement> connections)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("id", "owner", "epoch", "state", "local", "remote", "last refusal");
        foreach (JsonElement each in connections)
        {
            table.AddRow(new[]
            {
                Text(each, "id"), Text(each, "owner"), Text(each, "epoch"), State(each), Text(each, "local"), Text(each, "remote"),
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

    private static Grid Column(JsonElement connection, string property)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach ((var name, var value) in VariableList.Of(connection, property))
        {
            grid.AddRow(Markup.Escape(name), Markup.Escape(value));
        }

        return grid;
    }

    private static string State(JsonElement connection) => connection.GetProperty("variants").GetProperty("state").ToString();

    private static string Text(JsonElement element, string property) => element.GetProperty(property).ToString();
}
