using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Kestrel;
using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kestrel;

/// <summary>An ASP.NET Core application over the kernel host; its clients are ordinary sockets on the other side of a veth pair.</summary>
public sealed class KestrelSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Requests_on_one_connection_are_answered_while_it_moves(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Never);
        var body = new byte[16 << 20];
        new Random(3).NextBytes(body);
        await using WebApplication web = await StartAsync(
            host, hosts.Server.Address(family), app => app.MapGet("/", () => Results.Bytes(body)));
        using HttpClient client = Client(hosts, web);
        using var stop = new CancellationTokenSource();
        Task moves = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await host.OffloadAsync();
                await host.UploadAsync();
            }
        });

        for (var request = 0; request < 5; request++)
        {
            Assert.Equal(SHA256.HashData(body), SHA256.HashData(await client.GetByteArrayAsync("/").WaitAsync(Patience)));
        }

        await stop.CancelAsync();
        await moves.WaitAsync(Patience);
        ConnectionReport only = Assert.Single(await host.ListAsync());
        Assert.True(only.Epoch.Value >= 2, $"epoch {only.Epoch}: it was never moved");
    }

    [KernelFact]
    public async Task What_the_client_uploads_reaches_the_application_over_an_offloaded_connection()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Always);
        await using WebApplication web = await StartAsync(
            host,
            hosts.Server.IPv4,
            app => app.MapPost("/", async (HttpRequest request) => Convert.ToHexString(await SHA256.HashDataAsync(request.Body))));
        using HttpClient client = Client(hosts, web);
        var body = new byte[16 << 20];
        new Random(4).NextBytes(body);

        using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent(body)).WaitAsync(Patience);

        Assert.Equal(Convert.ToHexString(SHA256.HashData(body)), await response.Content.ReadAsStringAsync());
    }

    [KernelFact]
    public async Task Abort_is_an_RST_at_the_client()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Always);
        await using WebApplication web = await StartAsync(host, hosts.Server.IPv4, app => app.Run(context =>
        {
            context.Abort();
            return Task.CompletedTask;
        }));
        using Socket client = await ConnectAsync(hosts, web);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());

        SocketException reset = await Assert.ThrowsAsync<SocketException>(
            () => client.ReceiveAsync(new byte[1]).WaitAsync(Patience));

        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    [KernelFact]
    public async Task A_client_that_resets_cancels_its_request()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Always);
        var started = new TaskCompletionSource();
        var aborted = new TaskCompletionSource();
        await using WebApplication web = await StartAsync(host, hosts.Server.IPv4, app => app.Run(context =>
        {
            context.RequestAborted.Register(() => aborted.TrySetResult());
            started.TrySetResult();
            return aborted.Task;
        }));
        Socket client = await ConnectAsync(hosts, web);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());
        await started.Task.WaitAsync(Patience);

        client.LingerState = new LingerOption(enable: true, seconds: 0);
        client.Dispose();

        await aborted.Task.WaitAsync(Patience);
    }

    [KernelFact]
    public async Task A_client_that_only_closes_its_half_still_gets_its_answer()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Always);
        var mayAnswer = new TaskCompletionSource();
        await using WebApplication web = await StartAsync(host, hosts.Server.IPv4, app => app.Run(async context =>
        {
            await mayAnswer.Task;
            await context.Response.WriteAsync("the answer");
        }));
        using Socket client = await ConnectAsync(hosts, web);
        await client.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
        await using var stream = new NetworkStream(client);
        client.Shutdown(SocketShutdown.Send);
        mayAnswer.SetResult();

        using var reader = new StreamReader(stream);

        Assert.EndsWith("the answer", await reader.ReadToEndAsync().WaitAsync(Patience), StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task A_port_in_use_is_told_as_Kestrel_tells_it()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Never);
        using Socket taken = hosts.Server.Listen();
        var factory = new TransportFactory(
            Microsoft.Extensions.Options.Options.Create(new TcpActorsOptions { Host = host }), new SpecLog(output));

        await Assert.ThrowsAsync<AddressInUseException>(async () => await factory.BindAsync(taken.LocalEndPoint!));
    }

    [KernelFact]
    public async Task Stopping_lets_the_request_in_hand_finish_and_refuses_new_connections()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = MakeHost(hosts, OffloadPolicies.Always);
        var started = new TaskCompletionSource();
        var mayAnswer = new TaskCompletionSource();
        await using WebApplication web = await StartAsync(host, hosts.Server.IPv4, app => app.MapGet("/", async () =>
        {
            started.TrySetResult();
            await mayAnswer.Task;
            return "late but whole";
        }));
        using HttpClient client = Client(hosts, web);
        IPEndPoint address = EndPointOf(web);
        Task<string> answer = client.GetStringAsync("/");
        await started.Task.WaitAsync(Patience);

        Task stopping = web.StopAsync();
        await RefusedAsync(hosts, address);
        mayAnswer.SetResult();

        Assert.Equal("late but whole", await answer.WaitAsync(Patience));
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public void Only_IP_endpoints_are_taken_from_Kestrels_own_transport()
    {
        var factory = new TransportFactory(Microsoft.Extensions.Options.Options.Create(new TcpActorsOptions()), new SpecLog(output));

        Assert.True(factory.CanBind(new IPEndPoint(IPAddress.Loopback, 0)));
        Assert.False(factory.CanBind(new UnixDomainSocketEndPoint("/run/x.sock")));
        Assert.False(factory.CanBind(new FileHandleEndPoint(3, FileHandleType.Tcp)));
    }

    private OffloadHost MakeHost(TwoHosts hosts, IOffloadPolicy policy) => hosts.Server.Run(() => OffloadHost.Create(
        new OffloadHostOptions { Policy = policy, LoggerFactory = new SpecLog(output) }));

    private async Task<WebApplication> StartAsync(OffloadHost host, IPAddress address, Action<WebApplication> configure)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton<ILoggerFactory>(new SpecLog(output, LogLevel.Warning));
        builder.WebHost.UseTcpActors(options => options.Host = host).ConfigureKestrel(kestrel => kestrel.Listen(address, 0));
        WebApplication web = builder.Build();
        configure(web);
        await web.StartAsync().WaitAsync(Patience);
        return web;
    }

    private static IPEndPoint EndPointOf(WebApplication web)
    {
        var url = new Uri(web.Urls.Single());
        return new IPEndPoint(IPAddress.Parse(url.Host.Trim('[', ']')), url.Port);
    }

    private static async Task<Socket> ConnectAsync(TwoHosts hosts, WebApplication web)
    {
        IPEndPoint server = EndPointOf(web);
        Socket client = hosts.Client.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(server).WaitAsync(Patience);
        return client;
    }

    /// <summary>An ordinary HTTP client whose one connection starts in the client's namespace.</summary>
    private static HttpClient Client(TwoHosts hosts, WebApplication web)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => new NetworkStream(await ConnectAsync(hosts, web), ownsSocket: true),
        };
        return new HttpClient(handler) { BaseAddress = new Uri(web.Urls.Single()) };
    }

    private static async Task RefusedAsync(TwoHosts hosts, IPEndPoint address)
    {
        using var deadline = new CancellationTokenSource(Patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (true)
        {
            using Socket client = hosts.Client.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            try
            {
                await client.ConnectAsync(address, deadline.Token);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
            {
                return;
            }

            await look.WaitForNextTickAsync(deadline.Token);
        }
    }
}
