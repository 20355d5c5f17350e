using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors.Contract;
using TcpActors.Cli;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.Specs.Host.Policy;
using Xunit;

namespace TcpActors.Specs.Cli;

/// <summary><c>tcpactors policy replay</c>: a record, policies, a table.</summary>
public sealed class PolicyCommandSpecs : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"tcpactors-{Guid.NewGuid():N}.trace");

    public PolicyCommandSpecs()
    {
        using var trace = new TraceWriter(
            _path, new HostOptions { Policy = OffloadPolicies.Never }, Microseconds.Zero, NullLogger.Instance);
        for (int id = 1; id <= 3; id++)
        {
            trace.Sampled(new ConnectionId(id), Known.Connection(1, Known.Exchange.Times(1000)));
            trace.Sampled(new ConnectionId(id), Known.Connection(2, Known.Exchange.Times(100_000), age: 2));
            trace.Ended(Microseconds.FromSeconds(3), new ConnectionId(id));
        }
    }

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task Adaptive_is_tried_beside_always_and_never()
    {
        (int code, string output, string error) = await RunAsync("policy", "replay", _path, "--json");

        Assert.Equal((ExitCode.Ok, ""), (code, error));
        using var json = JsonDocument.Parse(output);
        Assert.Equal(
            ["adaptive 3 0 3", "always 3 0 3", "never 0 0 0"],
            json.RootElement.EnumerateArray().Select(each =>
                $"{each.GetProperty("policy")} {each.GetProperty("offloads")} {each.GetProperty("uploads")} {each.GetProperty("closing_uploads")}"));
        Assert.All(json.RootElement.EnumerateArray(), each => Assert.Equal(3, each.GetProperty("connections").GetInt32()));
    }

    [Fact]
    public async Task People_get_a_table_of_the_policies_they_asked_for()
    {
        (int code, string output, _) = await RunAsync("policy", "replay", _path, "--policy", "bytes:1000000", "--policy", "never");

        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("3 connections", output, StringComparison.Ordinal);
        Assert.Contains("recorded under never", output, StringComparison.Ordinal);
        Assert.Contains("bytes:1000000", output, StringComparison.Ordinal);
        Assert.Contains("always", output, StringComparison.Ordinal);
        Assert.DoesNotContain("adaptive", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_record_is_said_with_its_line_and_exit_code_1()
    {
        await File.AppendAllTextAsync(_path, "{\"e\":\"sam");

        (int code, string output, string error) = await RunAsync("policy", "replay", _path);

        Assert.Equal((ExitCode.Failed, ""), (code, output));
        Assert.Contains("line 12: the record breaks off in the middle of a line", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_whose_writer_was_cut_off_is_replayed_and_that_is_said()
    {
        await File.WriteAllLinesAsync(_path, (await File.ReadAllLinesAsync(_path))[..^1]);

        (int code, _, string error) = await RunAsync("policy", "replay", _path);

        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("has no last line", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("policy replay /no/such/file", ExitCode.Failed, "/no/such/file")]
    [InlineData("policy replay x --policy sometimes", ExitCode.Usage, "use adaptive, always, never or bytes:N")]
    [InlineData("policy replay x --hysteresis -1", ExitCode.Usage, "--hysteresis must be from 0 to 86400 seconds")]
    [InlineData("policy replay", ExitCode.Usage, "TRACE")]
    [InlineData("serve --listen 10.0.0.1:7 --app echo --record /no/such/place/x", ExitCode.Usage, "There is no directory for '/no/such/place/x' of --record")]
    public async Task What_cannot_be_done_is_said_in_one_line(string line, int expected, string message)
    {
        (int code, _, string error) = await RunAsync(line.Split(' '));

        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => CommandLineSpecs.RunAsync(arguments);
}
