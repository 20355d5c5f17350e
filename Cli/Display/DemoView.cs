using System.Diagnostics;
using System.Text.Json;
using Spectre.Console;
using TcpActors.Cli.Control;
using TcpActors.Cli.Demo;

namespace TcpActors.Cli.Display;

/// <summary>Shows the demo: what happens on standard error, live where that is a terminal; the outcome on standard output.</summary>
internal sealed class DemoView : IDemoView
{
    /// <summary>Lines in a file are not folded.</summary>
    private const int LongLine = 1000;

    /// <summary>Characters that the table's columns take; a narrow terminal shows the last owners only.</summary>
    private const int NameColumn = 34;
    private const int ValueColumn = 20;

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly IAnsiConsole _status;
    private readonly TextWriter _output;
    private readonly bool _json;

    private DemoView(IAnsiConsole status, TextWriter output, bool json) => (_status, _output, _json) = (status, output, json);

    public static DemoView For(TextWriter output, TextWriter status, bool json) => new(Terminal.For(status, LongLine), output, json);

    public void Tell(string what) => _status.WriteLine($"{Stopwatch.GetElapsedTime(_start).TotalSeconds,7:0.000} s  {what}");

    public async Task WatchAsync(DemoTraffic traffic, long bytesEachWay, Func<Task> work)
    {
        if (!_status.Profile.Out.IsTerminal)
        {
            await work();
            return;
        }

        await _status.Progress().AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new DownloadedColumn(),
                new TransferSpeedColumn())
            .StartAsync(async progress =>
            {
                ProgressTask sent = progress.AddTask("to the client", maxValue: bytesEachWay);
                ProgressTask received = progress.AddTask("from the client", maxValue: bytesEachWay);
                Task working = work();
                using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
                while (!working.IsCompleted)
                {
                    await Task.WhenAny(working, look.WaitForNextTickAsync().AsTask());
                    sent.Value = traffic.Sent;
                    received.Value = traffic.Received;
                }

                await working;
            });
    }

    public void Conclude(IReadOnlyList<JsonElement> reports, DemoVerdict verdict)
    {
        if (_json)
        {
            _output.WriteLine(JsonSerializer.Serialize(verdict, ControlJson.Default.DemoVerdict));
            return;
        }

        IAnsiConsole console = Terminal.For(_output);
        if (reports.Count > 0)
        {
            console.Write(Variables([.. reports.TakeLast(Math.Max(1, (console.Profile.Width - NameColumn) / ValueColumn))]));
        }

        console.Write(Outcome(verdict));
        console.WriteLine(verdict.Held
            ? "Everything held: no byte lost, none doubled, and the client noticed nothing."
            : $"It did not hold: {string.Join("; ", verdict.Failures)}.");
    }

    private static Table Variables(IReadOnlyList<JsonElement> reports)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .Title("The variables by set, after each change of owner").AddColumn("variable");
        foreach (JsonElement report in reports)
        {
            table.AddColumn($"{report.GetProperty("owner").GetString()!.EscapeMarkup()}, epoch {report.GetProperty("epoch")}");
        }

        foreach ((var title, var property, var writer) in VariableList.Sets)
        {
            table.AddRow([$"[bold]{title}[/]"]).AddRow([$"[bold]written by {writer}[/]"]);
            List<Dictionary<string, string>> values =
            [
                .. reports.Select(report => VariableList.Of(report, property)
                    .ToDictionary(each => each.Name, each => each.Value, StringComparer.Ordinal)),
            ];
            foreach (var name in values.SelectMany(each => each.Keys).Distinct(StringComparer.Ordinal))
            {
                table.AddRow([$"  {name}", .. values.Select(each => each.GetValueOrDefault(name, "-").EscapeMarkup())]);
            }
        }

        return table;
    }

    private static Table Outcome(DemoVerdict verdict) => new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("what", "value")
        .AddRow("connection", $"{verdict.Local} - {verdict.Remote}".EscapeMarkup())
        .AddRow("owners", string.Join(" -> ", verdict.OwnerHistory).EscapeMarkup())
        .AddRow("moves", $"{verdict.Offloads} offloads, {verdict.Uploads} uploads")
        .AddRow("updates of the invariants", $"{verdict.InvariantUpdates}")
        .AddRow("server sent", Digest(verdict.Server?.Sent))
        .AddRow("client received", Digest(verdict.Client?.Received))
        .AddRow("client sent", Digest(verdict.Client?.Sent))
        .AddRow("server received", Digest(verdict.Server?.Received))
        .AddRow("transfer", $"{verdict.Seconds:0.00} s");

    private static string Digest(StreamDigest? digest) => digest is null ? "-" : $"{digest.Bytes} bytes, SHA-256 {digest.Sha256}";
}
