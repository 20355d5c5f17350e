using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Rows;
using TcpActors.HostSide.Policy;
using TcpActors.Kestrel;

namespace TcpActors.Bench.Serving;

/// <summary>Kestrel with one short text, over its own transport or over TcpActors with every connection offloaded at once.</summary>
internal sealed class KestrelServing : IServing
{
    private readonly WebApplication _application;

    private KestrelServing(WebApplication application) =>
        (_application, EndPoint) = (application, IPEndPoint.Parse(new Uri(application.Urls.Single()).Authority));

    public IPEndPoint EndPoint { get; }

    public static async Task<IServing> StartAsync(Contender on)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(Cable.ServerAddress, 0));
        if (on == Contender.Engine)
        {
            builder.WebHost.UseTcpActors(options => options.Offload = options.Offload with { Policy = OffloadPolicies.Always });
        }

        WebApplication application = builder.Build();
        byte[] text = System.Text.Encoding.ASCII.GetBytes(HttpExchange.Text);
        application.Run(context =>
        {
            if (context.Request.Path != HttpExchange.Path)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            }

            context.Response.ContentType = "text/plain";
            context.Response.ContentLength = text.Length;
            return context.Response.Body.WriteAsync(text).AsTask();
        });
        await application.StartAsync();
        return new KestrelServing(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
