using System.Net;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors.Contract;
using TcpActors.Cli;
using TcpActors.Cli.Control;
using TcpActors.Cli.Display;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Statistics;
using TcpActors.Specs.Host;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class ConnectionListSpecs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-list-");

    public static TheoryData<string, Type> Sets => new()
    {
        { "connection", typeof(ConnectionInvariants) },
        { "segment", typeof(SegmentInvariants) },
        { "variants", typeof(SegmentVariants) },
    };

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_variable_of_a_set_is_in_the_list(string property, Type set)
    {
        JsonElement shown = ControlJson.Element(Report(1)).GetProperty(property);
        const BindingFlags own = BindingFlags.Public | BindingFlags.Instance;
        IEnumerable<string> declared = set.GetFields(own).Select(field => field.Name).Concat(
            set.GetProperties(own).Where(each => each.CanRead).Select(each => each.Name));

        Assert.All(declared, name => Assert.True(shown.TryGetProperty(JsonNamingPolicy.SnakeCaseLower.ConvertName(name), out _), name));
    }

    [Fact]
    public void Numbers_are_numbers_and_a_timer_that_is_off_is_null()
    {
        JsonElement report = ControlJson.Element(Report(1));
        JsonElement variants = report.GetProperty("variants");

        Assert.Equal(4_000_000_000u, variants.GetProperty("snd_una").GetUInt32());
        Assert.Equal(250_000, variants.GetProperty("persist_at").GetInt64());
        Assert.Equal(JsonValueKind.Null, variants.GetProperty("retransmit_at").ValueKind);
        Assert.Equal("Established", variants.GetProperty("state").GetString());
        Assert.Equal("02:00:00:00:00:01", report.GetProperty("segment").GetProperty("neighbor").GetProperty("mac").GetString());
        Assert.Equal("10.0.0.1", report.GetProperty("connection").GetProperty("flow").GetProperty("local_address").GetString());
        Assert.Equal(3, report.GetProperty("epoch").GetInt32());
        Assert.Equal("10.0.0.1:7", report.GetProperty("local").GetString());
    }

    [Fact]
    public async Task Sequence_numbers_are_not_known_before_the_first_offload()
    {
        ConnectionReport report = Report(1, owner: "kernel") with { Connection = null, Segment = null };
        JsonElement variants = ControlJson.Element(report).GetProperty("variants");
        await using ControlServer server = Serve(report);

        (_, var output, _) = await CommandLineSpecs.RunAsync("connections", "--control", ControlSocket);

        Assert.Equal(9, ControlJson.SequenceNumbers.Count);
        Assert.All(ControlJson.SequenceNumbers, name => Assert.Equal(JsonValueKind.Null, variants.GetProperty(name).ValueKind));
        Assert.Equal(250_000, variants.GetProperty("persist_at").GetInt64());
        Assert.Matches(@"snd_una +- ", output);
        Assert.Matches(@"retransmit_at +off ", output);
    }

    [Fact]
    public async Task The_list_shows_owner_epoch_state_and_the_variables_of_each_connection()
    {
        await using ControlServer server = Serve(Report(1), Report(2, owner: "kernel"));

        (var code, var output, _) = await CommandLineSpecs.RunAsync("connections", "--control", ControlSocket);

        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("connection 1: toe0, epoch 3, Established", output, StringComparison.Ordinal);
        Assert.Contains("connection 2: kernel, epoch 3, Established", output, StringComparison.Ordinal);
        Assert.Contains("snd_una", output, StringComparison.Ordinal);
        Assert.Contains("4000000000", output, StringComparison.Ordinal);
        Assert.Contains("neighbor.mac", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_shows_rates_trend_errors_and_memory_and_the_TOEs_above_it()
    {
        await using ControlServer server = Serve(Report(1));

        (_, var output, _) = await CommandLineSpecs.RunAsync("connections", "--control", ControlSocket);

        string[] lines = output.Split('\n');
        int toe = Array.FindIndex(lines, line => line.Contains("toe0", StringComparison.Ordinal));
        Assert.Matches(@"toe0 +up +42 of 100 +1\.50 MB of 4\.00 GB +12\.5 MB/s +999 B/s +43210 +77 +51/9 +6 +8 ", lines[toe]);
        Assert.Matches(
            @" 1 +toe0 +3 +Established +10\.0\.0\.1:7 +10\.0\.0\.2:4242 +1\.25 MB/s +25\.0 kB/s +Uptake +66 +197 kB ",
            Array.Find(lines, line => line.Contains("10.0.0.2:4242", StringComparison.Ordinal)));
        Assert.Matches(@"resources\.queued_segments +7 ", output);
        Assert.Matches(@"state\.upper +streaming ", output);
        Assert.Matches(@"moves\.last_took +250 ", output);
    }

    [Fact]
    public async Task The_TOEs_can_be_had_alone_and_as_json()
    {
        await using ControlServer server = Serve(Report(1));

        (_, var text, _) = await CommandLineSpecs.RunAsync("connections", "--toes", "--control", ControlSocket);
        (_, var json, _) = await CommandLineSpecs.RunAsync("connections", "--toes", "--json", "--control", ControlSocket);

        Assert.Contains("42 of 100", text, StringComparison.Ordinal);
        Assert.DoesNotContain("10.0.0.2:4242", text, StringComparison.Ordinal);
        JsonElement toe = Assert.Single(JsonSerializer.Deserialize<JsonElement>(json).EnumerateArray());
        AssertHasAll(toe, typeof(ToeStatistics));
        Assert.Equal((58, 40_000), (toe.GetProperty("free").GetInt32(), toe.GetProperty("dropped_as_invalid").GetInt32()));
    }

    [Fact]
    public void Every_figure_of_the_statistics_is_in_json()
    {
        JsonElement statistics = ControlJson.Element(Report(1)).GetProperty("statistics");

        AssertHasAll(statistics, typeof(ConnectionStatistics));
        AssertHasAll(statistics.GetProperty("received"), typeof(Traffic));
        AssertHasAll(statistics.GetProperty("sent"), typeof(Traffic));
        AssertHasAll(statistics.GetProperty("errors"), typeof(ErrorStatistics));
        AssertHasAll(statistics.GetProperty("state"), typeof(StateStatistics));
        AssertHasAll(statistics.GetProperty("resources"), typeof(ResourceStatistics));
        AssertHasAll(statistics.GetProperty("moves"), typeof(MoveStatistics));
        Assert.Equal(("Uptake", 1.5), (statistics.GetProperty("trend").GetProperty("trend").GetString(), statistics.GetProperty("trend").GetProperty("ratio").GetDouble()));
        Assert.Equal((1_250_000, 1500), (statistics.GetProperty("received").GetProperty("bytes_per_second").GetDouble(), statistics.GetProperty("received").GetProperty("bytes_per_segment").GetDouble()));
        Assert.Equal(["bulk", "backup"], statistics.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.Equal(250, statistics.GetProperty("moves").GetProperty("last_took").GetInt32());
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999.4, "999 B")]
    [InlineData(999.6, "1.00 kB")]
    [InlineData(12_345, "12.3 kB")]
    [InlineData(99_960, "100 kB")]
    [InlineData(999_499, "999 kB")]
    [InlineData(1e15, "1000 TB")]
    public void Amounts_have_three_digits(double bytes, string shown) => Assert.Equal(shown, Quantity.Bytes(bytes));

    [Fact]
    public async Task Json_is_one_array_and_can_be_narrowed_by_numbers()
    {
        await using ControlServer server = Serve(Report(1), Report(2), Report(3));

        (_, var all, _) = await CommandLineSpecs.RunAsync("connections", "--json", "--control", ControlSocket);
        (_, var one, _) = await CommandLineSpecs.RunAsync("connections", "2", "--json", "--control", ControlSocket);

        Assert.Equal(3, JsonSerializer.Deserialize<JsonElement>(all).GetArrayLength());
        Assert.Equal(2, Assert.Single(JsonSerializer.Deserialize<JsonElement>(one).EnumerateArray()).GetProperty("id").GetInt32());
    }

    private static void AssertHasAll(JsonElement shown, Type type) => Assert.All(
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(each => each.Name != "EqualityContract"),
        each => Assert.True(shown.TryGetProperty(JsonNamingPolicy.SnakeCaseLower.ConvertName(each.Name), out _), each.Name));

    private string ControlSocket => Path.Combine(_directory.FullName, "control.sock");

    private ControlServer Serve(params ConnectionReport[] reports) =>
        ControlServer.Start(ControlSocket, new FixedList(reports), NullLogger.Instance);

    private static ConnectionReport Report(long id, string owner = "toe0")
    {
        var local = new IPEndPoint(IPAddress.Parse("10.0.0.1"), 7);
        var remote = new IPEndPoint(IPAddress.Parse("10.0.0.2"), 4242);
        return new ConnectionReport(
            new ConnectionId(id),
            owner,
            new Epoch(3),
            new ConnectionInvariants
            {
                Flow = FlowKey.From(local, remote),
                InitialSendSequence = new SeqNum(1),
                InitialReceiveSequence = new SeqNum(2),
            },
            new SegmentInvariants
            {
                Neighbor = new Neighbor { SourceMac = MacAddress.Broadcast, Mac = MacAddress.Parse("02:00:00:00:00:01") },
                Path = new NetworkPath { Mtu = 1500 },
                EffectiveMss = 1448,
            },
            new SegmentVariants
            {
                State = TcpState.Established,
                SndUna = new SeqNum(4_000_000_000),
                RetransmitAt = Microseconds.Never,
                PersistAt = Microseconds.FromMilliseconds(250),
            },
            local,
            remote,
            LastRefusal: null,
            SampleStatistics.Of(bytesPerSecond: 1_250_000));
    }

    private sealed class FixedList(IReadOnlyList<ConnectionReport> reports) : IControlHandler
    {
        public Task<ControlResponse> HandleAsync(ControlRequest request) =>
            Task.FromResult(new ControlResponse(
                Connections: [.. reports.Select(ControlJson.Element)], Toes: [ControlJson.Element(SampleStatistics.Toe("toe0"))]));
    }
}
