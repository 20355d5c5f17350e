using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Display;
using TcpActors.Transport.Linux;

namespace TcpActors.Cli.Control;

/// <summary>
/// Listens on a Unix socket that only its owner may open and answers one line of JSON with another. The socket vanishes with this object;
/// what a killed server left behind is replaced at the next start. Nothing but a socket is ever removed.
/// </summary>
internal sealed class ControlServer : IAsyncDisposable
{
    private const UnixFileMode OwnerReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly ConcurrentDictionary<Socket, Task> _conversations = new();
    private readonly Socket _listener;
    private readonly IControlHandler _handler;
    private readonly ILogger _logger;
    private readonly Task _accepting;

    private ControlServer(Socket listener, IControlHandler handler, ILogger logger)
    {
        (_listener, _handler, _logger) = (listener, handler, logger);
        _accepting = AcceptAsync();
    }

    /// <exception cref="CliException">Another server listens there, or the socket cannot be made.</exception>
    public static ControlServer Start(string path, IControlHandler handler, ILogger logger)
    {
        ControlPath.Prepare(path);
        return new ControlServer(Listen(path), handler, logger);
    }

    public async ValueTask DisposeAsync()
    {
        // Removes the name it is bound to as well.
        _listener.Dispose();
        await _accepting;
        foreach (Socket socket in _conversations.Keys)
        {
            socket.Dispose();
        }

        await Task.WhenAll(_conversations.Values);
    }

    private static Socket Listen(string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Bind(listener, path);

            // Nobody can connect before listen: there is no moment in which others may.
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, OwnerReadWrite);
            }

            listener.Listen();
            return listener;
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            listener.Dispose();
            throw new CliException(
                $"Cannot make the control socket {path}: {Sentence.Of(exception)} Choose another with --control PATH.", exception);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private static void Bind(Socket listener, string path)
    {
        var address = new UnixDomainSocketEndPoint(path);
        try
        {
            listener.Bind(address);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            if (FileStatus.Of(path) is { IsSocket: false })
            {
                throw new CliException(
                    $"There is a file {path} that is no socket: it stays as it is. Choose another path with --control PATH.", exception);
            }

            if (FindListener(address) is { } other)
            {
                throw new CliException(
                    $"Process {other} already serves the control socket {path}. Stop it, or give this server its own with --control PATH.",
                    exception);
            }

            File.Delete(path);
            listener.Bind(address);
        }
    }

    /// <summary>The process that listens there; null when the socket is one that a killed process left behind.</summary>
    private static int? FindListener(UnixDomainSocketEndPoint address)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(address);
            return PeerCredentials.Of(probe).Process;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null;
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync();
                PeerCredentials peer = PeerCredentials.Of(socket);
                if (!peer.MayControl)
                {
                    CliLog.ControlRefused(_logger, peer.Process, peer.User);
                    socket.Dispose();
                    continue;
                }

                // Entered before it runs, so that its end finds the entry.
                var conversation = new Task<Task>(() => ConverseAsync(socket));
                _conversations[socket] = conversation.Unwrap();
                conversation.Start(TaskScheduler.Default);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The listener was closed.
        }
    }

    private async Task ConverseAsync(Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            using var reader = new StreamReader(stream);
            while (await reader.ReadLineAsync() is { } line)
            {
                ControlResponse response = await AnswerAsync(line);
                await JsonSerializer.SerializeAsync(stream, response, ControlJson.Default.ControlResponse);
                stream.WriteByte((byte)'\n');
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException)
        {
            // The other side left, or the server ends.
        }
        finally
        {
            _conversations.TryRemove(socket, out _);
        }
    }

    private async Task<ControlResponse> AnswerAsync(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest) is { Command: not null } request
                ? await _handler.HandleAsync(request)
                : new ControlResponse(Error: "A request is an object with a command.");
        }
        catch (JsonException exception)
        {
            return new ControlResponse(Error: $"A request is one JSON object on a line: {exception.Message}");
        }
#pragma warning disable CA1031 // Whatever a command fails with is its answer; the server goes on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            CliLog.ControlFailed(_logger, exception);
            return new ControlResponse(Error: exception.Message);
        }
    }
}
