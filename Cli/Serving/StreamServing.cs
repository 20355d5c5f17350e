using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;

namespace TcpActors.Cli.Serving;

/// <summary>Serves an application that talks bytes, at one or several addresses.</summary>
internal sealed class StreamServing : IServing
{
    private readonly List<ConnectionListener> _listeners = [];
    private readonly ConcurrentDictionary<Connection, Task> _conversations = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IApplication _application;
    private readonly ILogger _logger;
    private readonly List<Task> _accepting = [];

    private StreamServing(IApplication application, ILogger logger) => (_application, _logger) = (application, logger);

    public IReadOnlyList<IPEndPoint> EndPoints => [.. _listeners.Select(listener => listener.EndPoint)];

    /// <exception cref="CliException">An address cannot be listened on.</exception>
    public static async Task<StreamServing> StartAsync(
        IOffloadHost host, IEnumerable<IPEndPoint> addresses, IApplication application, ILogger logger)
    {
        var serving = new StreamServing(application, logger);
        foreach (IPEndPoint address in addresses)
        {
            try
            {
                serving._listeners.Add(host.Listen(address));
            }
            catch (SocketException exception)
            {
                await serving.DisposeAsync();
                throw ListenFailure.Explain(address, exception);
            }
        }

        serving._accepting.AddRange(serving._listeners.Select(serving.AcceptAsync));
        return serving;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ConnectionListener listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        await Task.WhenAll(_accepting);
        await _stop.CancelAsync();
        await Task.WhenAll(_conversations.Values);
        _stop.Dispose();
    }

    private async Task AcceptAsync(ConnectionListener listener)
    {
        while (await NextAsync(listener) is { } connection)
        {
            // Entered before it runs, so that its end finds the entry.
            var conversation = new Task<Task>(() => ConverseAsync(connection));
            _conversations[connection] = conversation.Unwrap();
            conversation.Start(TaskScheduler.Default);
        }
    }

    /// <returns>Null when the listener has ended.</returns>
    private async Task<Connection?> NextAsync(ConnectionListener listener)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            try
            {
                return await listener.AcceptAsync(CancellationToken.None);
            }
            catch (SocketException exception)
            {
                // Out of descriptors, most often: they come back as connections end.
                CliLog.AcceptFailed(_logger, listener.EndPoint, exception.Message);
                await pause.WaitForNextTickAsync();
            }
        }
    }

    private async Task ConverseAsync(Connection connection)
    {
        try
        {
            await _application.RunAsync(connection, _stop.Token);
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            CliLog.EndedEarly(_logger, connection.Id, connection.RemoteEndPoint, exception.Message);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The server ends: closed below, in order.
        }
#pragma warning disable CA1031 // One connection's failure is not the others'.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            CliLog.ApplicationFailed(_logger, exception, connection.Id);
            connection.Abort();
        }
        finally
        {
            await connection.DisposeAsync();
            _conversations.TryRemove(connection, out _);
        }
    }
}
