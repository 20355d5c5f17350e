using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TcpActors.Cli.Display;
using TcpActors.Transport.Linux;

namespace TcpActors.Cli.Control;

/// <summary>Asks a running server.</summary>
internal static class ControlClient
{
    /// <exception cref="CliException">There is no server, it is somebody else's, or it answered with an error.</exception>
    public static async Task<ControlResponse> AskAsync(string path, ControlRequest request, CancellationToken cancellationToken)
    {
        try
        {
            using Socket socket = await ConnectAsync(path, cancellationToken);
            await using var stream = new NetworkStream(socket);
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
            await stream.WriteAsync(line, cancellationToken);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            var answer = await reader.ReadLineAsync(cancellationToken)
                ?? throw new CliException($"The server at {path} ended before it answered.");
            ControlResponse response = JsonSerializer.Deserialize(answer, ControlJson.Default.ControlResponse)!;
            return response.Error is null ? response : throw new CliException(response.Error);
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            throw new CliException($"The server at {path} broke off its answer: {Sentence.Of(exception)}", exception);
        }
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        ControlPath.Check(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            PeerCredentials server = PeerCredentials.Of(socket);

            // In a directory that others may write to, the socket could be anybody's.
            return server.MayControl
                ? socket
                : throw new CliException($"The server at {path} belongs to user {server.User}: run this as that user.");
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new CliException(Explain(path, exception), exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Explain(string path, Exception exception)
    {
        if (exception is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            return $"The control socket {path} may be opened by its owner only: run this as the user that runs the server.";
        }

        var what = exception is ArgumentException ? exception.Message
            : !OperatingSystem.IsLinux() || FileStatus.Of(path) is not { } status ? "there is no such socket"
            : status.IsSocket ? "a server that has ended left it behind"
            : "it is no socket";
        return $"No server listens at the control socket {path}: {what}. Start one with 'tcpactors serve', or name its socket with "
            + "--control PATH.";
    }
}
