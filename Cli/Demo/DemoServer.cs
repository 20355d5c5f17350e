using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Cli.Demo;

/// <summary>
/// The demo's server process, alone in its network namespace: makes the cable and the client, then serves through the same host API as
/// <c>tcpactors serve</c>.
/// </summary>
internal static class DemoServer
{
    private const string Interface = "server0";
    private const string ToeName = "toe0";
    private const int Port = 7;

    public static async Task<DemoVerdict> RunAsync(
        bool ipv6, long bytesEachWay, IDemoView view, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        IPAddress server = IPAddress.Parse(ipv6 ? "fd77::1" : "10.77.0.1");
        IPAddress clientAddress = IPAddress.Parse(ipv6 ? "fd77::2" : "10.77.0.2");
        var prefix = ipv6 ? 64 : 24;
        await using ClientProcess client = await ClientProcess.StartAsync(cancellationToken);
        using (var netlink = new RtNetlink())
        {
            netlink.CreateVethPair(Interface, ClientProcess.Interface);
            netlink.MoveLink(netlink.Link(ClientProcess.Interface)!.Index, client.Id);
            DemoInterface.Configure(netlink, Interface, server, prefix);
        }

        await client.ConfigureAsync(clientAddress, prefix, cancellationToken);
        view.Tell(
            $"two network namespaces joined by a veth pair: {server} here, {clientAddress} in process {client.Id}, "
            + "an ordinary kernel client");

        await using OffloadHost host = OffloadHost.Create(new OffloadHostOptions
        {
            Policy = OffloadPolicies.Never,
            Toes = [new ToeOptions(Interface, ToeName)],
            LoggerFactory = loggers,
        });
        await using ConnectionListener listener = host.Listen(new IPEndPoint(server, Port));
        view.Tell($"listening on {listener.EndPoint}; frames are steered by {host.Steering}");
        await client.TransferAsync(listener.EndPoint, bytesEachWay);
        Connection connection = await listener.AcceptAsync(cancellationToken)
            ?? throw new CliException("the listener ended before the client came");
        var stage = new DemoStage(connection, host, "kernel", host.Steering, client, "the client's interface has another MAC address now");
        using var script = new DemoScript(stage, view, bytesEachWay);
        DemoVerdict verdict = await script.RunAsync(cancellationToken);
        view.Conclude(script.Reports, verdict);
        return verdict;
    }
}
