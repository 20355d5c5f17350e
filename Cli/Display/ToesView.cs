using System.Text.Json;
using Spectre.Console;

namespace TcpActors.Cli.Display;

/// <summary>The TOEs of a server for people: what they have, what they do, what they lost.</summary>
internal static class ToesView
{
    public static void Write(TextWriter output, IReadOnlyList<JsonElement> toes)
    {
        IAnsiConsole console = Terminal.For(output);
        if (toes.Count == 0)
        {
            console.WriteLine("no TOE runs");
            return;
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumns(
            "TOE", "link", "connections", "buffers", "in", "out", "dropped", "not sent", "moves in/out", "asked", "refused");
        foreach (JsonElement toe in toes)
        {
            table.AddRow(new[]
            {
                Text(toe, "name"),
                Link(toe),
                $"{Text(toe, "connections")} of {Text(toe, "capacity")}",
                $"{Quantity.Bytes(Number(toe, "buffer_memory_used"))} of {Quantity.Bytes(Number(toe, "buffer_memory_limit"))}",
                Quantity.Rate(Number(toe, "bytes_received_per_second")),
                Quantity.Rate(Number(toe, "bytes_sent_per_second")),
                $"{Number(toe, "dropped_by_link") + Number(toe, "dropped_by_channel") + Number(toe, "dropped_by_queues") + Number(toe, "dropped_as_invalid"):0}",
                Text(toe, "not_sent"),
                $"{Text(toe, "moves_in")}/{Text(toe, "moves_out")}",
                Text(toe, "upload_requests"),
                Text(toe, "refusals"),
            }.Select(Markup.Escape).ToArray());
        }

        console.Write(table);
    }

    private static string Link(JsonElement toe)
    {
        string link = toe.GetProperty("is_link_up").GetBoolean() ? "up" : "down";
        double seconds = Number(toe, "silent_for") / 1_000_000;
        return seconds < 1 ? link : $"{link}, does not answer for {seconds:0} s";
    }

    private static double Number(JsonElement toe, string property) => toe.GetProperty(property).GetDouble();

    private static string Text(JsonElement toe, string property) => toe.GetProperty(property).ToString();
}
