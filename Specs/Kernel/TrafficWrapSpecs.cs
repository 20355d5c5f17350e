using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Both directions cross the wrap of the sequence space, and its middle, where signed comparisons turn, while the connection moves.</summary>
public sealed class TrafficWrapSpecs(ITestOutputHelper output)
{
    private const ushort ServerPort = 4000;
    private const ushort ClientPort = 5000;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 0xffe0_0000)]
    [InlineData(AddressFamily.InterNetworkV6, 0xffe0_0000)]
    [InlineData(AddressFamily.InterNetwork, 0x7fe0_0000)]
    [InlineData(AddressFamily.InterNetworkV6, 0x7fe0_0000)]
    public async Task Sequence_numbers_wrap_while_the_connection_moves(AddressFamily family, uint start)
    {
        using var hosts = new TwoHosts();
        var here = new IPEndPoint(hosts.Server.Address(family), ServerPort);
        var there = new IPEndPoint(hosts.Client.Address(family), ClientPort);

        // The kernel chooses initial sequence numbers; in repair mode both ends are told theirs.
        var fromServer = new SeqNum(start);
        var fromClient = new SeqNum(start + 0x1000);
        Socket server = hosts.Server.Run(() => Establish(here, there, fromServer, fromClient));
        using Socket client = hosts.Client.Run(() => Establish(there, here, fromClient, fromServer));
        new TcpRepair(server).Leave();
        new TcpRepair(client).Leave();
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) }));
        await using Connection served = await host.OffloadAsync(server);
        await using var line = new TrafficConnection(client, served);

        await line.EchoWhileMovingAsync(moves: 200, bytes: 16 << 20, seed: 50);

        Assert.True(line.Moves >= 200);
    }

    private static Socket Establish(IPEndPoint local, IPEndPoint remote, SeqNum next, SeqNum expected)
    {
        var socket = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var repair = new TcpRepair(socket);
        repair.Enter();
        repair.MaxSegment = 1440;
        repair.Sequences = (expected, next);
        socket.BindAsIs(local);
        socket.Connect(remote);
        repair.SetOptions(
            new ConnectionInvariants
            {
                Flow = TcpActors.Engine.Wire.FlowKey.From(local, remote),
                InitialSendSequence = next - 1,
                InitialReceiveSequence = expected - 1,
                SendWindowScale = 7,
                ReceiveWindowScale = 7,
                SackPermitted = true,
                TimestampsEnabled = true,
            },
            mss: 1440);
        repair.Window = new RepairWindow
        {
            SndWl1 = expected.Value,
            SndWnd = 65536,
            MaxWindow = 65536,
            RcvWnd = 65536,
            RcvWup = expected.Value,
        };
        return socket;
    }
}
