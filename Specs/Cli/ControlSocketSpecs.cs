using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Cli;
using TcpActors.Cli.Control;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class ControlSocketSpecs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-control-");

    private string SocketPath => Path.Combine(_directory.FullName, "control.sock");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_request_reaches_the_handler_and_its_answer_comes_back()
    {
        var handler = new RecordingHandler(new ControlResponse(Moves: new MoveSummary(2, 1, [new RefusalSummary(7, "under NAT")], [])));
        await using var server = Start(handler);

        ControlResponse response = await ControlClient.AskAsync(SocketPath, new ControlRequest(ControlRequest.Offload, [3, 4, 7]), default);

        ControlRequest request = Assert.Single(handler.Requests);
        Assert.Equal(ControlRequest.Offload, request.Command);
        Assert.Equal([3, 4, 7], request.Ids);
        Assert.Equal((2, 1), (response.Moves!.Moved, response.Moves.Unmoved));
        Assert.Equal(new RefusalSummary(7, "under NAT"), Assert.Single(response.Moves.Refused));
    }

    [Fact]
    public async Task A_command_says_how_many_moves_there_were_and_fails_when_one_was_refused()
    {
        var handler = new RecordingHandler(new ControlResponse(Moves: new MoveSummary(2, 1, [new RefusalSummary(7, "under NAT")], [])));
        await using var server = Start(handler);

        (var code, var output, var error) = await CommandLineSpecs.RunAsync("upload", "all", "--control", SocketPath);

        Assert.Equal(ExitCode.Failed, code);
        Assert.Equal($"2 uploaded, 1 was there already, 1 refused{Environment.NewLine}", output);
        Assert.Contains("connection 7 stays where it is: under NAT", error, StringComparison.Ordinal);
        Assert.Null(Assert.Single(handler.Requests).Ids);
    }

    [Fact]
    public async Task A_number_that_no_connection_has_is_told_apart_and_fails()
    {
        await using ManagedHost host = ManagedHost.CreatePair(new HostOptions(), new HostOptions()).A;
        await using var server = Start(new HostControl(host));

        (var code, var output, var error) = await CommandLineSpecs.RunAsync("offload", "99", "--control", SocketPath);
        (var listCode, var list, var listError) = await CommandLineSpecs.RunAsync("connections", "99", "--control", SocketPath);

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (code, listCode));
        Assert.Equal($"0 offloaded, 0 were there already, 0 refused{Environment.NewLine}", output);
        Assert.Empty(list);
        Assert.Equal($"tcpactors: there is no connection 99{Environment.NewLine}", error);
        Assert.Equal(error, listError);
    }

    [Fact]
    public async Task What_the_handler_fails_with_is_the_answer()
    {
        await using var server = Start(new RecordingHandler(failure: new InvalidOperationException("the host is ending")));

        (var code, _, var error) = await CommandLineSpecs.RunAsync("offload", "1", "--control", SocketPath);

        Assert.Equal(ExitCode.Failed, code);
        Assert.Equal($"tcpactors: the host is ending{Environment.NewLine}", error);
    }

    [Fact]
    public async Task Nonsense_is_answered_and_the_conversation_goes_on()
    {
        await using var server = Start(new RecordingHandler(new ControlResponse(Connections: [])));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);

        await stream.WriteAsync("nonsense\n{}\n{\"command\":\"connections\"}\n"u8.ToArray());

        Assert.Contains("one JSON object", await ErrorAsync(reader), StringComparison.Ordinal);
        Assert.Contains("object with a command", await ErrorAsync(reader), StringComparison.Ordinal);
        Assert.Null(await ErrorAsync(reader));
    }

    [Fact]
    public async Task Only_the_owner_may_open_the_socket()
    {
        await using var server = Start(new RecordingHandler(new ControlResponse()));

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        }
    }

    [Fact]
    public async Task A_socket_that_a_killed_server_left_behind_is_replaced()
    {
        using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            killed.Bind(new UnixDomainSocketEndPoint(SocketPath + ".old"));
            killed.Listen();

            // Closing removes the name it was bound by; a killed process leaves it.
            File.Move(SocketPath + ".old", SocketPath);
        }

        await using var server = Start(new RecordingHandler(new ControlResponse(Connections: [])));

        Assert.NotNull((await ControlClient.AskAsync(SocketPath, new ControlRequest(ControlRequest.Connections), default)).Connections);
    }

    [Fact]
    public async Task A_second_server_on_the_same_path_is_told_which_process_has_it()
    {
        await using var server = Start(new RecordingHandler(new ControlResponse(Connections: [])));

        CliException refused = Assert.Throws<CliException>(() => Start(new RecordingHandler(new ControlResponse())));

        var process = string.Create(CultureInfo.InvariantCulture, $"Process {Environment.ProcessId} ");
        Assert.Contains(process, refused.Message, StringComparison.Ordinal);
        Assert.Contains("--control PATH", refused.Message, StringComparison.Ordinal);
        Assert.NotNull((await ControlClient.AskAsync(SocketPath, new ControlRequest(ControlRequest.Connections), default)).Connections);
    }

    [Fact]
    public async Task The_socket_vanishes_with_its_server()
    {
        var server = Start(new RecordingHandler(new ControlResponse()));

        await server.DisposeAsync();

        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void A_path_longer_than_a_socket_address_is_refused_with_advice()
    {
        var path = Path.Combine(_directory.FullName, new string('x', 120));

        CliException refused = Assert.Throws<CliException>(
            () => ControlServer.Start(path, new RecordingHandler(new ControlResponse()), NullLogger.Instance));

        Assert.Contains("--control PATH", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_socket_stays_and_is_called_so()
    {
        await File.WriteAllTextAsync(SocketPath, "precious");

        CliException refused = Assert.Throws<CliException>(() => Start(new RecordingHandler(new ControlResponse())));
        (var code, _, var error) = await CommandLineSpecs.RunAsync("offload", "all", "--control", SocketPath);

        Assert.Contains("no socket", refused.Message, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(SocketPath));
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("it is no socket", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_directory_of_a_path_that_was_chosen_is_not_made()
    {
        var directory = Path.Combine(_directory.FullName, "missing");

        CliException refused = Assert.Throws<CliException>(() => ControlServer.Start(
            Path.Combine(directory, "control.sock"), new RecordingHandler(new ControlResponse()), NullLogger.Instance));

        Assert.Contains($"There is no directory {directory}", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory));
    }

    private ControlServer Start(IControlHandler handler) => ControlServer.Start(SocketPath, handler, NullLogger.Instance);

    private static async Task<string?> ErrorAsync(TextReader reader)
    {
        var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10));
        return JsonSerializer.Deserialize<JsonElement>(line!).GetProperty("error").GetString();
    }

    private sealed class RecordingHandler(ControlResponse? answer = null, Exception? failure = null) : IControlHandler
    {
        public List<ControlRequest> Requests { get; } = [];

        public Task<ControlResponse> HandleAsync(ControlRequest request)
        {
            Requests.Add(request);
            return failure is null ? Task.FromResult(answer!) : Task.FromException<ControlResponse>(failure);
        }
    }
}
