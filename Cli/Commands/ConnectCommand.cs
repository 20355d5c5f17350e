using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Parsing;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors connect</c>.</summary>
internal static class ConnectCommand
{
    private const string Lesson = $"""
        Works as nc(1) does: the end of standard input becomes FIN, and the command ends when the peer has sent its FIN too.
        The default policy is {CommonOptions.DefaultPolicy}. It needs CAP_NET_ADMIN and CAP_NET_RAW in its network namespace.

        Examples:
          tcpactors connect 10.0.0.1:7
          tcpactors connect [fd00::1]:19 --policy always < /dev/null > stream
        """;

    public static (Command Command, string Lesson) Create()
    {
        var address = new Argument<IPEndPoint>("ADDR:PORT")
        {
            Description = "The peer: 10.0.0.1:80 or [fd00::1]:80.",
            CustomParser = static result => Words.Parse(result, EndPointText.Parse),
        };
        Option<IOffloadPolicy?> policy = CommonOptions.Policy();
        var command = new Command("connect", "Connects standard input and output with a peer, over a connection that moves.")
        {
            address, policy,
        };
        command.SetAction(async (parsed, stop) =>
        {
            using ILoggerFactory loggers = LogSetup.Create(parsed, LogLevel.Warning);
            await using OffloadHost host = OffloadHost.Create(
                new OffloadHostOptions { Policy = CommonOptions.PolicyOf(parsed, policy), LoggerFactory = loggers });
            await using Connection connection = await ConnectAsync(host, parsed.GetRequiredValue(address), stop);
            await TalkAsync(connection, stop);
            return ExitCode.Ok;
        });
        return (command, Lesson);
    }

    private static async Task<Connection> ConnectAsync(OffloadHost host, IPEndPoint peer, CancellationToken stop)
    {
        try
        {
            return await host.ConnectAsync(peer, stop);
        }
        catch (SocketException exception)
        {
            var why = exception.SocketErrorCode switch
            {
                SocketError.ConnectionRefused =>
                    "nobody listens there. Check the port, or start a server there ('tcpactors serve', for example).",
                SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.TimedOut =>
                    $"{exception.Message}. 'ip route get {peer.Address}' shows which way it should go.",
                _ => exception.Message + ".",
            };
            throw new CliException($"Cannot connect to {peer}: {why}", exception);
        }
    }

    private static async Task TalkAsync(Connection connection, CancellationToken stop)
    {
        Task sending = SendAsync(connection, stop);
        Task receiving = ReceiveAsync(connection, stop);
        try
        {
            // A reset ends it even while standard input is waited for.
            await await Task.WhenAny(sending, receiving);
            await receiving;
            await sending.WaitAsync(stop);
        }
        catch (SocketException exception)
        {
            throw new CliException($"The connection with {connection.RemoteEndPoint} broke: {exception.Message}.", exception);
        }
    }

    private static async Task SendAsync(Connection connection, CancellationToken stop)
    {
        await using Stream input = Console.OpenStandardInput();
        var bytes = new byte[64 * 1024];
        int count;
        while ((count = await input.ReadAsync(bytes, stop)) > 0)
        {
            await connection.Output.WriteAsync(bytes.AsMemory(0, count), stop);
        }

        await connection.Output.CompleteAsync();
    }

    private static async Task ReceiveAsync(Connection connection, CancellationToken stop)
    {
        await using Stream output = Console.OpenStandardOutput();
        await connection.Input.CopyToAsync(output, stop);
    }
}
