using TcpActors.Cli;
using TcpActors.Cli.Control;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class CommandLineSpecs
{
    [Theory]
    [InlineData("serve --app echo", "'--listen' is required")]
    [InlineData("serve --listen 10.0.0.1:7", "'--app' is required")]
    [InlineData("serve --listen 10.0.0.1 --app echo", "'10.0.0.1' has no port")]
    [InlineData("serve --listen fd00::1 --app echo", "an IPv6 address in brackets")]
    [InlineData("serve --listen 10.0.0.1:70000 --app echo", "'70000' in '10.0.0.1:70000' is not a port")]
    [InlineData("serve --listen localhost:7 --app echo", "'localhost' in 'localhost:7' is not an IP address")]
    [InlineData("serve --listen 10.0.0.1:7 --app finger", "use echo, discard, chargen[:BYTES] or http:DIR")]
    [InlineData("serve --listen 10.0.0.1:7 --app chargen:many", "'many' in 'chargen:many' is not a number of bytes")]
    [InlineData("serve --listen 10.0.0.1:7 --app http:/no/such/place", "There is no directory '/no/such/place'")]
    [InlineData("serve --listen 10.0.0.1:7 --app echo --policy sometimes", "use adaptive, always, never or bytes:N")]
    [InlineData("serve --listen 10.0.0.1:7 --app echo --toe a=b=c", "write INTERFACE or NAME=INTERFACE")]
    [InlineData("serve --listen 10.0.0.1:7 --app echo --pcap /no/such/place/x", "There is no directory for '/no/such/place/x' of --pcap")]
    [InlineData("serve --listen 10.0.0.1:7 --app echo --keep-alive 0", "'0' of --keep-alive is not a number of seconds from 1 to 32767.")]
    [InlineData("demo --log loud", "'loud' is none of trace, debug, information, warning, error, critical, none.")]
    [InlineData("demo --log 2", "'2' is none of trace")]
    [InlineData("demo --log-format xml", "'xml' is none of text, json.")]
    [InlineData("connect 10.0.0.1", "'10.0.0.1' has no port")]
    [InlineData("offload some", "'some' is not a connection")]
    [InlineData("upload", "Required argument 'ID|all' missing")]
    [InlineData("demo --backwards", "'--backwards'")]
    [InlineData("serv", "'serv'")]
    public async Task What_is_not_understood_is_said_in_one_line_with_exit_code_2(string line, string expected)
    {
        (var code, var output, var error) = await RunAsync(line.Split(' '));

        Assert.Equal(ExitCode.Usage, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Contains("--help", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_server_the_control_commands_say_what_to_start_with_exit_code_1()
    {
        var path = Path.Combine(Path.GetTempPath(), $"tcpactors-{Guid.NewGuid():N}.sock");

        (var code, var output, var error) = await RunAsync("connections", "--control", path);

        Assert.Equal(ExitCode.Failed, code);
        Assert.Empty(output);
        Assert.Contains($"No server listens at the control socket {path}: there is no such socket.", error, StringComparison.Ordinal);
        Assert.Contains("tcpactors serve", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("connections")]
    [InlineData("offload")]
    [InlineData("upload")]
    public async Task Help_names_the_default_control_path(string command)
    {
        (var code, var output, _) = await RunAsync(command, "--help");

        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains(ControlPath.Default, output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("connect")]
    public async Task Help_names_the_default_policy(string command)
    {
        (_, var output, _) = await RunAsync(command, "--help");

        Assert.Contains("default policy is adaptive", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("offload")]
    [InlineData("upload")]
    public async Task Usage_shows_that_all_can_be_moved(string command)
    {
        (_, var output, _) = await RunAsync(command, "--help");

        Assert.Contains($" {command} <ID|all>... [options]", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_of_commands_shows_only_arguments_that_are_needed()
    {
        (_, var output, _) = await RunAsync("--help");

        Assert.Matches("connections +Shows", output);
        Assert.Contains("offload <ID|all> ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_parts_of_the_demo_are_not_shown_to_people()
    {
        (_, var output, _) = await RunAsync("--help");

        Assert.DoesNotContain("demo-server", output, StringComparison.Ordinal);
        Assert.Contains("demo ", output, StringComparison.Ordinal);
    }

    internal static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
