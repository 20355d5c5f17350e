using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Control;
using TcpActors.Cli.Parsing;
using TcpActors.HostSide;

namespace TcpActors.Cli.Serving;

/// <summary>What <c>serve</c> was asked for.</summary>
internal sealed record ServeSettings(
    IReadOnlyList<IPEndPoint> Listen, AppChoice App, OffloadHostOptions Host, string ControlPath);

/// <summary>A server from its start to its orderly end.</summary>
internal static class Server
{
    /// <summary>Serves until the token is cancelled; then connections go back to the kernel, which closes them.</summary>
    public static async Task RunAsync(ServeSettings settings, ILoggerFactory loggers, TextWriter status, CancellationToken stop)
    {
        ILogger logger = loggers.CreateLogger("TcpActors.Cli.Server");
        await using OffloadHost host = OffloadHost.Create(settings.Host);
        await using var control = ControlServer.Start(settings.ControlPath, new HostControl(host), logger);
        await using IServing serving = await StartAsync(host, settings, loggers);
        CliLog.Serving(logger, settings.Host.Policy.Name, settings.ControlPath);
        foreach (IPEndPoint endPoint in serving.EndPoints)
        {
            if (IPAddress.IsLoopback(endPoint.Address) || host.Toes.Count == 0)
            {
                CliLog.OnlyLoopback(logger, endPoint);
            }

            // Not a log event: whoever started the server waits for this line, whatever is logged.
            await status.WriteLineAsync($"listening on {endPoint}");
        }

        var stopping = new TaskCompletionSource();
        await using (stop.Register(() => stopping.TrySetResult()))
        {
            await stopping.Task;
        }

        CliLog.Stopping(logger);
    }

    private static async Task<IServing> StartAsync(IOffloadHost host, ServeSettings settings, ILoggerFactory loggers)
    {
        if (settings.App is AppChoice.Http http)
        {
            return await WebServing.StartAsync(host, settings.Listen, http.Directory, loggers);
        }

        IApplication application = settings.App switch
        {
            AppChoice.Echo => new EchoApplication(),
            AppChoice.Discard => new DiscardApplication(),
            AppChoice.Chargen chargen => new ChargenApplication(chargen.Bytes),
            _ => throw new InvalidOperationException($"{settings.App} is not served."),
        };
        return await StreamServing.StartAsync(host, settings.Listen, application, loggers.CreateLogger("TcpActors.Cli.Server"));
    }
}
