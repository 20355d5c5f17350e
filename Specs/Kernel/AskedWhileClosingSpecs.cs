using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Statistics and lists ask the kernel about sockets that are closed at the same moment.</summary>
public sealed class AskedWhileClosingSpecs(ITestOutputHelper output)
{
    private const int Connections = 500;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [KernelFact]
    public async Task A_connection_that_is_asked_while_it_is_closed_ends_with_a_FIN_all_the_same()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.IPv4, 0));
        for (int i = 0; i < Connections; i++)
        {
            using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
            Connection connection = await FenceLine.AcceptAsync(listener);
            Task asking = Task.Run(() =>
            {
                while (!connection.Closed.IsCompleted)
                {
                    connection.Half.Count();
                    connection.Half.Query();
                }
            });
            await connection.DisposeAsync();

            // Throws on an RST.
            Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
            client.Shutdown(SocketShutdown.Send);
            await asking.WaitAsync(s_patience);
        }
    }
}
