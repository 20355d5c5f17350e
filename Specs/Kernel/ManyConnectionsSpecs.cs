using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A thousand connections leave nothing behind.</summary>
[Collection(nameof(RunsAlone))]
public sealed class ManyConnectionsSpecs(ITestOutputHelper output)
{
    private const int Count = 1000;
    private const int AtOnce = 24;
    private const int Payload = 96 << 10;

    private static readonly string[] s_kinds =
    [
        "client closes first", "server closes first", "client half-closes, data follows", "server half-closes, data follows",
        "both half-close, client first", "both half-close, server first", "client aborts, server reads", "server aborts, client reads",
        "client closes with unread data", "server closes with unread data",
    ];

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 1)]
    [InlineData(AddressFamily.InterNetworkV6, 4)]
    public async Task A_thousand_connections_are_offloaded_used_and_closed_and_nothing_is_left(AddressFamily family, int queues)
    {
        using var hosts = new TwoHosts();
        using var system = ActorSystem.Create(
            "many", OffloadEngine.ReferenceConfig.WithFallback("akka { loglevel = WARNING, log-dead-letters = off }"));
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions
            {
                Policy = OffloadPolicies.Never,
                ReceiveQueues = queues,
                System = system,
                LoggerFactory = new SpecLog(output, LogLevel.Warning),
            }));
        await using ConnectionListener listener = hosts.Server.Run(
            () => host.Listen(new IPEndPoint(hosts.Server.Address(family), 0), backlog: Count));
        Dictionary<string, string> expected = await OnKernelSocketsAsync(hosts, family);
        int resting = CountActors(system);

        long warm = await RoundAsync(hosts, host, listener, system, expected, resting);
        long after = await RoundAsync(hosts, host, listener, system, expected, resting);

        output.WriteLine($"{warm} bytes after a first round, {after} after a second");
        Assert.InRange(after, 0, warm * 1.05);
    }

    /// <returns>Managed memory in use afterwards.</returns>
    private static async Task<long> RoundAsync(
        TwoHosts hosts, OffloadHost host, ConnectionListener listener, ActorSystem system, Dictionary<string, string> expected, int resting)
    {
        (Socket Client, Connection Server)[] pairs = new (Socket, Connection)[Count];
        for (int i = 0; i < Count; i++)
        {
            pairs[i] = (await ConnectAsync(hosts, listener.EndPoint), (await listener.AcceptAsync())!);
        }

        MoveResult moves = await host.OffloadAsync().WaitAsync(CloseTap.Patience);
        Assert.Empty(moves.Refused);
        Assert.All(pairs, pair => Assert.True(pair.Server.Epoch.Value > 0));
        Assert.Equal(Count, host.Buffers.Count);
        Assert.Equal(Count, host.CountFlows() ?? Count);

        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            (Socket client, Connection server) = pairs[i];
            await ExchangeAsync(client, server, i);
            string kind = s_kinds[i % s_kinds.Length];
            using var talk = new CloseTalk(hosts, client, new ConnectionEnd(server), () => Task.FromResult(true), withTap: false);
            await CloseScript.Conversations[kind](talk);
            Assert.Equal(expected[kind], Told(kind, talk));
            await server.Closed.WaitAsync(CloseTap.Patience);
        });

        Assert.Empty(await host.ListAsync());
        Assert.Equal(0, host.Buffers.Count);
        await CloseTalk.UntilAsync(() => Task.FromResult(host.CountFlows() is null or 0), "an empty flow map");
        await CloseTalk.UntilAsync(() => Task.FromResult(CountActors(system) == resting), "the connections' actors to end");
        Array.Clear(pairs);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>What each kind of closing tells both ends when both are kernel sockets.</summary>
    private static async Task<Dictionary<string, string>> OnKernelSocketsAsync(TwoHosts hosts, AddressFamily family)
    {
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        using Socket listener = hosts.Server.Listen(family);
        foreach (string kind in s_kinds)
        {
            Socket client = await ConnectAsync(hosts, (IPEndPoint)listener.LocalEndPoint!);
            var server = new SocketEnd(await listener.AcceptAsync());
            using var talk = new CloseTalk(hosts, client, server, () => Task.FromResult(true), withTap: false);
            await CloseScript.Conversations[kind](talk);
            told[kind] = Told(kind, talk);
        }

        return told;
    }

    private static string Told(string kind, CloseTalk talk) =>
        $"{kind}: client [{string.Join(", ", talk.Client.Told)}]; server [{string.Join(", ", talk.Server.Told)}]";

    /// <summary>Different bytes in each direction at once; both ends compare hashes.</summary>
    private static async Task ExchangeAsync(Socket client, Connection server, int seed)
    {
        byte[] there = new byte[Payload];
        byte[] back = new byte[Payload];
        var random = new Random(seed);
        random.NextBytes(there);
        random.NextBytes(back);
        byte[] atServer = new byte[Payload];
        byte[] atClient = new byte[Payload];
        await Task.WhenAll(
            Task.Run(async () =>
            {
                for (int sent = 0; sent < Payload;)
                {
                    sent += await client.SendAsync(there.AsMemory(sent));
                }
            }),
            server.Output.WriteAsync(back).AsTask(),
            FillAsync(atServer, memory => server.ReceiveAsync(memory)),
            FillAsync(atClient, memory => client.ReceiveAsync(memory))).WaitAsync(CloseTap.Patience);
        Assert.Equal(SHA256.HashData(there), SHA256.HashData(atServer));
        Assert.Equal(SHA256.HashData(back), SHA256.HashData(atClient));
    }

    private static async Task FillAsync(Memory<byte> buffer, Func<Memory<byte>, ValueTask<int>> receive)
    {
        while (!buffer.IsEmpty)
        {
            int count = await receive(buffer);
            Assert.NotEqual(0, count);
            buffer = buffer[count..];
        }
    }

    private static int CountActors(ActorSystem system) => CountBelow(((ExtendedActorSystem)system).Guardian);

    private static int CountBelow(IActorRef actor) =>
        actor is ActorRefWithCell parent ? parent.Children.Sum(child => 1 + CountBelow(child)) : 0;

    private static async Task<Socket> ConnectAsync(TwoHosts hosts, IPEndPoint server)
    {
        Socket client = hosts.Client.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(server).WaitAsync(CloseTap.Patience);
        return client;
    }
}

/// <summary>Specs that measure what the whole process has, with no other beside them.</summary>
[CollectionDefinition(nameof(RunsAlone), DisableParallelization = true)]
public sealed class RunsAlone;
