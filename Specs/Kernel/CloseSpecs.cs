using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A connection that was on the engine closes as one on kernel sockets does: the same errors at both ends, the same order of FIN and RST on the
/// wire, the same side in TIME-WAIT.
/// </summary>
public sealed class CloseSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Every_way_to_close_looks_as_on_kernel_sockets(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) }));
        await using ConnectionListener engine = hosts.Server.Run(() => host.Listen(new IPEndPoint(hosts.Server.Address(family), 0)));
        using Socket plain = hosts.Server.Listen(family);
        var differences = new List<string>();
        foreach ((string name, Func<CloseTalk, Task> conversation) in CloseScript.Conversations)
        {
            string expected = await RecordAsync(await OnKernelSocketsAsync(hosts, plain), conversation);
            output.WriteLine($"--- {name}: {expected}");
            string actual = await RecordAsync(await OnEngineAsync(hosts, host, engine), conversation);
            if (!string.Equals(actual, expected, StringComparison.Ordinal))
            {
                differences.Add($"{name}{Environment.NewLine}kernel sockets {expected}{Environment.NewLine}engine         {actual}");
            }
        }

        Assert.True(differences.Count == 0, string.Join(Environment.NewLine, differences));
    }

    private static async Task<string> RecordAsync(CloseTalk talk, Func<CloseTalk, Task> conversation)
    {
        using (talk)
        {
            string trouble = string.Empty;
            string timeWait = "unknown";
            try
            {
                await conversation(talk);
                timeWait = await talk.TimeWaitAsync();
            }
            catch (Exception e) when (e is TimeoutException or Xunit.Sdk.XunitException)
            {
                trouble = $"; {e.Message}";
            }

            return $"client [{string.Join(", ", talk.Client.Told)}]; server [{string.Join(", ", talk.Server.Told)}]; "
                + $"wire [{string.Join(", ", talk.Tap.Seen)}]; TIME-WAIT at {timeWait}{trouble}";
        }
    }

    private static async Task<CloseTalk> OnKernelSocketsAsync(TwoHosts hosts, Socket listener)
    {
        Socket client = await ConnectAsync(hosts, (IPEndPoint)listener.LocalEndPoint!);
        var talk = new CloseTalk(hosts, client, new SocketEnd(await listener.AcceptAsync()), () => Task.FromResult(true));
        await GreetAsync(talk);
        return talk;
    }

    private static async Task<CloseTalk> OnEngineAsync(TwoHosts hosts, OffloadHost host, ConnectionListener listener)
    {
        Socket client = await ConnectAsync(hosts, listener.EndPoint);
        Connection connection = (await listener.AcceptAsync())!;
        var talk = new CloseTalk(hosts, client, new ConnectionEnd(connection), async () =>
        {
            ConnectionReport? report = (await host.ListAsync()).FirstOrDefault(each => each.Id == connection.Id);
            return report is null || string.Equals(report.Owner, "kernel", StringComparison.Ordinal);
        });
        MoveResult there = await connection.OffloadAsync();
        Assert.Empty(there.Refused);
        Assert.True(connection.Epoch.Value > 0);
        await GreetAsync(talk);
        return talk;
    }

    /// <summary>A request and its answer, so that the closing begins in the middle of a life.</summary>
    private static async Task GreetAsync(CloseTalk talk)
    {
        await talk.Client.WriteAsync(100);
        await talk.Server.ReadAsync(100);
        await talk.Server.WriteAsync(100);
        await talk.Client.ReadAsync(100);
    }

    private static async Task<Socket> ConnectAsync(TwoHosts hosts, IPEndPoint server)
    {
        Socket client = hosts.Client.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(server).WaitAsync(CloseTap.Patience);
        return client;
    }
}
