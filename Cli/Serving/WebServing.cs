using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.Kestrel;

namespace TcpActors.Cli.Serving;

/// <summary>Serves a directory's files over HTTP: ASP.NET Core's static files (ranges, no listings) over the Kestrel project.</summary>
internal sealed class WebServing : IServing
{
    private readonly WebApplication _web;

    private WebServing(WebApplication web) => _web = web;

    public IReadOnlyList<IPEndPoint> EndPoints =>
        [.. _web.Urls.Select(url => new Uri(url)).Select(url => new IPEndPoint(IPAddress.Parse(url.Host.Trim('[', ']')), url.Port))];

    /// <exception cref="CliException">An address cannot be listened on.</exception>
    public static async Task<WebServing> StartAsync(
        IOffloadHost host, IReadOnlyList<IPEndPoint> addresses, string directory, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = directory });
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.WebHost.UseKestrelCore().UseTcpActors(options => options.Host = host).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (IPEndPoint address in addresses)
            {
                kestrel.Listen(address);
            }
        });
        WebApplication web = builder.Build();
        web.UseFileServer(new FileServerOptions
        {
            FileProvider = new PhysicalFileProvider(directory),
            EnableDirectoryBrowsing = false,
            StaticFileOptions = { ServeUnknownFileTypes = true },
        });
        var serving = new WebServing(web);
        try
        {
            await web.StartAsync();
            return serving;
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            await web.DisposeAsync();

            // Kestrel wraps a port in use and names the address; the rest comes as it is, for the first address that does not work.
            throw exception.GetBaseException() is SocketException cause && addresses is [var only]
                ? ListenFailure.Explain(only, cause)
                : new CliException(exception.Message, exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
    }

    /// <summary>Signals are the caller's business (<see cref="StopSignals"/>).</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
