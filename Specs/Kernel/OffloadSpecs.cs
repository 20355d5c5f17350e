using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A kernel client on the other side of a veth pair, and a server whose connections move between the kernel and a TOE.</summary>
public sealed class OffloadSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task An_offloaded_connection_echoes_with_equal_hashes(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions { LoggerFactory = new SpecLog(output) }));
        await using ConnectionListener listener = hosts.Server.Run(
            () => host.Listen(new IPEndPoint(hosts.Server.Address(family), 0)));
        using Socket client = await ConnectAsync(hosts, listener.EndPoint);
        await using Connection connection = (await listener.AcceptAsync())!;
        Task echo = EchoAsync(connection);

        await ExchangeAsync(client, 64 << 20, seed: 1);

        await echo.WaitAsync(s_patience);
        Assert.True(connection.Epoch.Value > 0, "it was never offloaded");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Two_hundred_moves_in_mid_transfer_lose_and_double_nothing(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) }));
        await using ConnectionListener listener = hosts.Server.Run(
            () => host.Listen(new IPEndPoint(hosts.Server.Address(family), 0)));
        using Socket client = await ConnectAsync(hosts, listener.EndPoint);
        await using Connection connection = (await listener.AcceptAsync())!;
        Task echo = EchoAsync(connection);
        Task moves = Task.Run(async () =>
        {
            while (connection.Epoch.Value < 200)
            {
                MoveResult there = await connection.OffloadAsync();
                Assert.Empty(there.Refused);
                await connection.UploadAsync();
            }
        });

        Task traffic = ExchangeUntilAsync(client, moves, seed: 2);

        await Task.WhenAll(moves, traffic).WaitAsync(s_patience);
        await echo.WaitAsync(s_patience);
        Assert.True(connection.Epoch.Value >= 200);
    }

    private static async Task<Socket> ConnectAsync(TwoHosts hosts, IPEndPoint server)
    {
        Socket client = hosts.Client.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(server).WaitAsync(s_patience);
        return client;
    }

    private static async Task EchoAsync(Connection connection)
    {
        while (true)
        {
            ReadResult read = await connection.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in read.Buffer)
            {
                await connection.Output.WriteAsync(piece);
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        await connection.Output.CompleteAsync();
    }

    private static async Task ExchangeAsync(Socket client, long bytes, int seed)
    {
        long left = bytes;
        await ExchangeAsync(client, () => (left -= 65536) >= 0, seed);
    }

    private static Task ExchangeUntilAsync(Socket client, Task until, int seed) =>
        ExchangeAsync(client, () => !until.IsCompleted, seed);

    /// <summary>Sends until told to stop, then FIN; receives what comes back until its end; compares hashes.</summary>
    private static async Task ExchangeAsync(Socket client, Func<bool> more, int seed)
    {
        using IncrementalHash sent = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using IncrementalHash received = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long sentBytes = 0;
        long receivedBytes = 0;
        Task sending = Task.Run(async () =>
        {
            var random = new Random(seed);
            byte[] block = new byte[65536];
            while (more())
            {
                random.NextBytes(block);
                sent.AppendData(block);
                await SendAllAsync(client, block);
                sentBytes += block.Length;
            }

            client.Shutdown(SocketShutdown.Send);
        });
        Task receiving = Task.Run(async () =>
        {
            byte[] block = new byte[256 << 10];
            int count;
            while ((count = await client.ReceiveAsync(block)) > 0)
            {
                received.AppendData(block.AsSpan(0, count));
                receivedBytes += count;
            }
        });
        try
        {
            await Task.WhenAll(sending, receiving).WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"seed {seed}: stalled after {sentBytes} sent and {receivedBytes} received");
        }

        Assert.Equal(sentBytes, receivedBytes);
        Assert.Equal(sent.GetHashAndReset(), received.GetHashAndReset());
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }
}
