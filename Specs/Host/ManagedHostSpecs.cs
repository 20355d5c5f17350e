using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>Two managed hosts in one process, on real threads: what <c>demo --in-memory</c> shows.</summary>
public sealed class ManagedHostSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("10.77.0.1")]
    [InlineData("fd77::1")]
    public async Task Both_ends_move_again_and_again_while_an_echo_runs(string address)
    {
        HostOptions options = new() { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) };
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, options);
        await using ManagedHost disposeServer = server;
        await using ManagedHost disposeClient = client;
        await using ConnectionListener listener = server.Listen(new IPEndPoint(IPAddress.Parse(address), 7));
        ValueTask<Connection?> accepting = listener.AcceptAsync();
        await using Connection near = await client.ConnectAsync(listener.EndPoint).WaitAsync(s_patience);
        await using Connection far = (await accepting.AsTask().WaitAsync(s_patience))!;
        Task echo = EchoAsync(far);
        Task moves = Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                Assert.Empty((await server.OffloadAsync()).Refused);
                Assert.Empty((await client.OffloadAsync()).Refused);
                await server.UploadAsync();
                await client.UploadAsync();
            }
        });

        Task<byte[]> receiving = HashAsync(near.Input);
        byte[] sent = await SendUntilAsync(near.Output, moves, seed: 5).WaitAsync(s_patience);

        await moves.WaitAsync(s_patience);
        Assert.Equal(sent, await receiving.WaitAsync(s_patience));
        await echo.WaitAsync(s_patience);
        Assert.True(near.Epoch.Value >= 100 && far.Epoch.Value >= 100, $"{near.Epoch} and {far.Epoch} moves");
    }

    [Fact]
    public async Task A_neighbours_new_MAC_address_is_one_confirmed_update()
    {
        HostOptions options = new() { LoggerFactory = new SpecLog(output) };
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, options);
        await using ManagedHost disposeServer = server;
        await using ManagedHost disposeClient = client;
        await using ConnectionListener listener = server.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 7));
        ValueTask<Connection?> accepting = listener.AcceptAsync();
        await using Connection near = await client.ConnectAsync(listener.EndPoint).WaitAsync(s_patience);
        await using Connection far = (await accepting.AsTask().WaitAsync(s_patience))!;
        await far.OffloadAsync();

        server.SetNeighbor(near.LocalEndPoint.Address, MacAddress.Parse("02:00:00:00:00:77"));

        await TrafficStream.UntilAsync(() => far.InvariantUpdates > 0).WaitAsync(s_patience);
        ConnectionReport report = Assert.Single(await server.ListAsync());
        Assert.Equal("02:00:00:00:00:77", report.Segment!.Neighbor.Mac.ToString());
        Assert.Equal(1u, report.Segment.Neighbor.Version);
    }

    private static async Task EchoAsync(Connection connection)
    {
        await connection.Input.CopyToAsync(connection.Output);
        await connection.Output.CompleteAsync();
    }

    private static async Task<byte[]> SendUntilAsync(PipeWriter writer, Task until, int seed)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(seed);
        byte[] block = new byte[65536];
        while (!until.IsCompleted)
        {
            random.NextBytes(block);
            hash.AppendData(block);
            await writer.WriteAsync(block);
        }

        await writer.CompleteAsync();
        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> HashAsync(PipeReader reader)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            ReadResult read = await reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in read.Buffer)
            {
                hash.AppendData(piece.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return hash.GetHashAndReset();
            }
        }
    }
}
