using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A kernel client in one namespace, connected to a connection that a host in another serves and that moves only when told to.
/// </summary>
internal sealed class TrafficConnection : IAsyncDisposable
{
    /// <summary>How long a whole transfer may take on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<IAsyncDisposable> _below = [];

    /// <summary>Both ends of a connection that there is; what they stand on is the caller's.</summary>
    public TrafficConnection(Socket client, Connection served) => (Client, Served) = (client, served);

    public Socket Client { get; }

    public Connection Served { get; }

    /// <summary>Where it is served.</summary>
    public OffloadHost? Host { get; private init; }

    public long Moves => Served.Epoch.Value;

    /// <param name="server">Where the connection is served.</param>
    /// <param name="client">Where the kernel client is.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="output">Takes the log.</param>
    /// <param name="port">The served port; 0 for any.</param>
    /// <param name="prepare">Sets the client's options before it connects.</param>
    /// <param name="policy">When it is offloaded without being told; null: never.</param>
    /// <param name="fences">How it is steered; null: as it is by default.</param>
    public static async Task<TrafficConnection> OpenAsync(
        SpecHost server, SpecHost client, AddressFamily family, ITestOutputHelper output, int port = 0, Action<Socket>? prepare = null,
        IOffloadPolicy? policy = null, HostFences? fences = null)
    {
        OffloadHost host = server.Run(() => OffloadHost.Create(new OffloadHostOptions
        {
            Policy = policy ?? OffloadPolicies.Never,
            LoggerFactory = new SpecLog(output, LogLevel.Warning),
            Fences = fences ?? new HostFences(),
        }));
        ConnectionListener listener = server.Run(() => host.Listen(new IPEndPoint(server.Address(family), port)));
        Socket socket = client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        prepare?.Invoke(socket);
        await socket.ConnectAsync(listener.EndPoint).WaitAsync(Patience);
        Connection served = (await listener.AcceptAsync().AsTask().WaitAsync(Patience))!;
        return new TrafficConnection(socket, served) { Host = host, _below = { listener, host } };
    }

    /// <summary>Waits until the connection's variables are as wanted.</summary>
    public async Task UntilAsync(Func<ConnectionReport, bool> wanted)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        ConnectionReport? seen = null;
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            while (!wanted(seen = Assert.Single(await Host!.ListAsync())))
            {
                await look.WaitForNextTickAsync(patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"it stays at {seen}");
        }
    }

    /// <summary>One move in each direction.</summary>
    public async Task MoveToAndFroAsync()
    {
        await OffloadAsync();
        await UploadAsync();
    }

    /// <summary>Moves to the TOE, which may not refuse.</summary>
    public async Task OffloadAsync() => Assert.Empty((await Served.OffloadAsync().WaitAsync(Patience)).Refused);

    public Task UploadAsync() => Served.UploadAsync().WaitAsync(Patience);

    /// <summary>Moves to and fro until it has moved so many times in all.</summary>
    public async Task MoveAsync(int moves)
    {
        while (Moves < moves)
        {
            await MoveToAndFroAsync();
        }
    }

    /// <summary>
    /// The client sends for as long as the connection moves, and at least so many bytes; what the server sends back has to be the same.
    /// </summary>
    public async Task EchoWhileMovingAsync(int moves, long bytes, int seed, int block = 65536)
    {
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task echo = TrafficStream.EchoAsync(Served);
        Task moving = MoveAsync(moves);
        Task sending = Task.Run(() => sent.SendAsync(Client, () => !moving.IsCompleted || sent.Bytes < bytes, seed, block));
        Task receiving = Task.Run(() => received.ReceiveAsync(Client));

        await AllAsync($"seed {seed}", sent, received, moving, sending, receiving, echo);
        TrafficStream.AssertEqual(sent, received);
    }

    /// <summary>Awaits what makes up a transfer; the first that fails is reported, and what stalls with how far it came.</summary>
    public async Task AllAsync(string what, TrafficStream sent, TrafficStream received, params List<Task> tasks)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            while (tasks.Count > 0)
            {
                Task first = await Task.WhenAny(tasks).WaitAsync(patience.Token);
                tasks.Remove(first);
                await first;
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            Assert.Fail($"{what}: stalled after {sent.Bytes} sent, {received.Bytes} received and {Moves} moves");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Served.DisposeAsync();
        foreach (IAsyncDisposable each in _below)
        {
            await each.DisposeAsync();
        }
    }
}
