using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Links;

namespace TcpActors.Cli.Demo;

/// <summary>The demo without a kernel: two managed hosts in this process, joined by an in-memory link; on any operating system.</summary>
internal static class InMemoryDemo
{
    private const int Port = 7;

    public static async Task<DemoVerdict> RunAsync(
        bool ipv6, long bytesEachWay, IDemoView view, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        IPAddress address = IPAddress.Parse(ipv6 ? "fd77::1" : "10.77.0.1");
        var options = new HostOptions { Policy = OffloadPolicies.Never, LoggerFactory = loggers };
        var link = new InMemoryLinkPair();
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, options, link);
        await using ManagedHost disposeServer = server;
        await using ManagedHost disposeClient = client;
        await using ConnectionListener listener = server.Listen(new IPEndPoint(address, Port));
        view.Tell($"two managed hosts in one process, joined by an in-memory link; listening on {listener.EndPoint}");
        Task<Connection?> accepting = listener.AcceptAsync(cancellationToken).AsTask();
        Connection near = await client.ConnectAsync(listener.EndPoint, cancellationToken);
        Connection connection = await accepting ?? throw new CliException("the listener ended before the client came");
        using var peer = new ManagedPeer(near, server, link, bytesEachWay, cancellationToken);
        const string macChange = "the client's end of the link has another MAC address now";
        var stage = new DemoStage(connection, server, "managed", "the managed host's flow table", peer, macChange);
        using var script = new DemoScript(stage, view, bytesEachWay);
        DemoVerdict verdict = await script.RunAsync(cancellationToken);
        view.Conclude(script.Reports, verdict);
        return verdict;
    }

    /// <summary>The client's end, in the same process but with streams and digests of its own.</summary>
    private sealed class ManagedPeer : IDemoPeer, IDisposable
    {
        private readonly Connection _connection;
        private readonly ManagedHost _server;
        private readonly InMemoryLinkPair _link;
        private readonly DemoTraffic _traffic;
        private readonly Task<EndDigest> _transfer;

        public ManagedPeer(
            Connection connection, ManagedHost server, InMemoryLinkPair link, long bytesEachWay, CancellationToken cancellationToken)
        {
            (_connection, _server, _link) = (connection, server, link);
            _traffic = new DemoTraffic(connection, bytesEachWay, seed: 2);
            _traffic.Limit.MoveTo(bytesEachWay);
            _transfer = TransferAsync(cancellationToken);
        }

        public Task<MacAddress> ChangeMacAsync(CancellationToken cancellationToken)
        {
            MacAddress mac = MacAddress.Parse("02:00:00:00:00:99");
            _link.ChangeAddress(_link.B, mac);
            _server.SetNeighbor(_connection.LocalEndPoint.Address, mac);
            return Task.FromResult(mac);
        }

        public Task<EndDigest> FinishAsync(CancellationToken cancellationToken) => _transfer.WaitAsync(cancellationToken);

        public void Dispose() => _traffic.Dispose();

        private async Task<EndDigest> TransferAsync(CancellationToken cancellationToken)
        {
            Task<StreamDigest> received = _traffic.ReceiveAsync(cancellationToken);
            StreamDigest sent = await _traffic.SendAsync(cancellationToken);
            await _connection.Output.CompleteAsync();
            var digest = new EndDigest(sent, await received);
            await _connection.DisposeAsync();
            return digest;
        }
    }
}
