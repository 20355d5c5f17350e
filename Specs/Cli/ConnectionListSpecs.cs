using System.Net;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors.Contract;
using TcpActors.Cli;
using TcpActors.Cli.Control;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
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
    public async Task Json_is_one_array_and_can_be_narrowed_by_numbers()
    {
        await using ControlServer server = Serve(Report(1), Report(2), Report(3));

        (_, var all, _) = await CommandLineSpecs.RunAsync("connections", "--json", "--control", ControlSocket);
        (_, var one, _) = await CommandLineSpecs.RunAsync("connections", "2", "--json", "--control", ControlSocket);

        Assert.Equal(3, JsonSerializer.Deserialize<JsonElement>(all).GetArrayLength());
        Assert.Equal(2, Assert.Single(JsonSerializer.Deserialize<JsonElement>(one).EnumerateArray()).GetProperty("id").GetInt32());
    }

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
            LastRefusal: null);
    }

    private sealed class FixedList(IReadOnlyList<ConnectionReport> reports) : IControlHandler
    {
        public Task<ControlResponse> HandleAsync(ControlRequest request) =>
            Task.FromResult(new ControlResponse(Connections: [.. reports.Select(ControlJson.Element)]));
    }
}
