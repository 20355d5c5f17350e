using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>A host under a policy, and peers that talk to it.</summary>
internal sealed class PolicyLine : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Func<Task<IDuplexPipe>> _connect;
    private readonly IDisposable? _hosts;
    private readonly IOffloadHost? _peers;
    private readonly ConnectionListener _listener;

    private PolicyLine(
        IOffloadHost host, string stack, ConnectionListener listener, Func<Task<IDuplexPipe>> connect, IOffloadHost? peers, IDisposable? hosts)
    {
        (Host, Stack, _listener, _connect) = (host, stack, listener, connect);
        (_peers, _hosts) = (peers, hosts);
    }

    public IOffloadHost Host { get; }

    /// <summary>What lists call the owner while it is the host's stack.</summary>
    public string Stack { get; }

    /// <param name="kernel">Whether the host's stack is the kernel's.</param>
    /// <param name="options">How it works.</param>
    /// <param name="output">Gets its log.</param>
    public static PolicyLine Create(bool kernel, OffloadHostOptions options, ITestOutputHelper output) =>
        kernel ? Kernel(options with { LoggerFactory = new SpecLog(output) }) : Managed(options with { LoggerFactory = new SpecLog(output) });

    /// <summary>A connection that a peer has opened.</summary>
    /// <param name="prepare">What the application says of it first.</param>
    public async Task<Talk> ConnectAsync(Action<Connection>? prepare = null)
    {
        IDuplexPipe peer = await _connect();
        Connection connection = (await _listener.AcceptAsync().AsTask().WaitAsync(Patience))!;
        prepare?.Invoke(connection);
        return new Talk(this, connection, peer);
    }

    public async Task<string> OwnerOfAsync(Connection connection) =>
        (await Host.ListAsync().WaitAsync(Patience)).Single(report => report.Id == connection.Id).Owner;

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await Host.DisposeAsync();
        if (_peers is not null)
        {
            await _peers.DisposeAsync();
        }

        _hosts?.Dispose();
    }

    private static PolicyLine Managed(HostOptions options)
    {
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, new HostOptions { Policy = OffloadPolicies.Never });
        ConnectionListener listener = server.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 7));
        return new PolicyLine(
            server, "managed", listener, async () => await client.ConnectAsync(listener.EndPoint).WaitAsync(Patience), client, hosts: null);
    }

    private static PolicyLine Kernel(OffloadHostOptions options)
    {
        var hosts = new TwoHosts();
        OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(options));
        ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.IPv4, 0));
        return new PolicyLine(
            host, "kernel", listener, async () => new SocketPipe(await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint)), peers: null, hosts);
    }

    /// <summary>A peer that is a kernel's socket.</summary>
    private sealed class SocketPipe(Socket socket) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(new NetworkStream(socket, ownsSocket: true));

        public PipeWriter Output { get; } = PipeWriter.Create(new NetworkStream(socket));
    }
}

/// <summary>One connection, both its ends.</summary>
internal sealed class Talk(PolicyLine line, Connection connection, IDuplexPipe peer) : IAsyncDisposable
{
    private const int MessageSize = 64;

    public Connection Connection => connection;

    /// <summary>The peer asks and the application answers, so many times.</summary>
    public async Task ExchangeAsync(int times = 1)
    {
        byte[] message = new byte[MessageSize];
        for (int i = 0; i < times; i++)
        {
            Random.Shared.NextBytes(message);
            await peer.Output.WriteAsync(message);
            await connection.Output.WriteAsync(await TakeAsync(connection.Input));
            Assert.Equal(message, await TakeAsync(peer.Input));
        }
    }

    /// <summary>Waits until the policy has it there, talking or silent meanwhile.</summary>
    /// <param name="toToe">Whether on a TOE.</param>
    /// <param name="talk">What is said between two looks, 10 ms apart.</param>
    public async Task UntilAsync(bool toToe, int talk)
    {
        using var patience = new CancellationTokenSource(PolicyLine.Patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        string owner;
        while ((owner = await line.OwnerOfAsync(connection)) == "moving" || (owner != line.Stack) != toToe)
        {
            await ExchangeAsync(talk);
            Assert.False(patience.IsCancellationRequested, $"{connection} is still with {owner}");
            await look.WaitForNextTickAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        await peer.Input.CompleteAsync();
        await peer.Output.CompleteAsync();
    }

    private static async Task<byte[]> TakeAsync(PipeReader input)
    {
        ReadResult read = await input.ReadAtLeastAsync(MessageSize).AsTask().WaitAsync(PolicyLine.Patience);
        byte[] message = [.. System.Buffers.BuffersExtensions.ToArray(read.Buffer.Slice(0, MessageSize))];
        input.AdvanceTo(read.Buffer.GetPosition(MessageSize));
        return message;
    }
}
