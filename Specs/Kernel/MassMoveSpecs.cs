using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Hundreds of connections move in one go while bytes go both ways on each of them.</summary>
[Collection(nameof(RunsAlone))]
public sealed class MassMoveSpecs(ITestOutputHelper output)
{
    private const int Count = 500;
    private const int Rounds = 2;
    private const int LargestBlock = 16 << 10;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    [InlineData(AddressFamily.InterNetwork, false)]
    public async Task Hundreds_move_at_once_under_traffic_and_lose_nothing(AddressFamily family, bool useBpf)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(new OffloadHostOptions
        {
            Policy = OffloadPolicies.Never,
            LoggerFactory = new SpecLog(output, LogLevel.Warning),
            Fences = new HostFences(UseBpf: useBpf),
        }));
        await using ConnectionListener listener = hosts.Server.Run(
            () => host.Listen(new IPEndPoint(hosts.Server.Address(family), 0), backlog: Count));
        var echoes = new List<Task>();
        var talks = new List<Task>();
        bool isOver = false;
        for (int i = 0; i < Count; i++)
        {
            Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
            echoes.Add(TrafficStream.EchoAsync(await FenceLine.AcceptAsync(listener)));
            talks.Add(TalkAsync(client, seed: i, () => !Volatile.Read(ref isOver)));
        }

        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            MoveResult there = await host.OffloadAsync().WaitAsync(TrafficConnection.Patience);
            Assert.Equal((Count, 0), (there.Moved, there.Refused.Count));
            Assert.Equal(Count, host.CountFlows() ?? Count);
            TimeSpan offload = Stopwatch.GetElapsedTime(began);
            MoveResult back = await host.UploadAsync().WaitAsync(TrafficConnection.Patience);
            Assert.Equal((Count, 0), (back.Moved, back.Refused.Count));
            Assert.Equal(0, host.CountFlows() ?? 0);
            output.WriteLine($"{offload.TotalSeconds:F2} s there, {(Stopwatch.GetElapsedTime(began) - offload).TotalSeconds:F2} s back");
        }

        Volatile.Write(ref isOver, true);
        await Task.WhenAll(talks).WaitAsync(TrafficConnection.Patience);
        await Task.WhenAll(echoes).WaitAsync(TrafficConnection.Patience);
        Assert.Equal((0, 0), (FenceLine.TcpCounter(hosts.Server, "OutRsts"), FenceLine.TcpCounter(hosts.Client, "OutRsts")));
    }

    /// <summary>Sends blocks of any size and receives them while it sends, until it is told to stop; both directions have one hash.</summary>
    private static async Task TalkAsync(Socket client, int seed, Func<bool> more)
    {
        using Socket disposed = client;
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        var random = new Random(seed);
        byte[] there = new byte[LargestBlock];
        byte[] back = new byte[LargestBlock];
        while (more())
        {
            int size = random.Next(1, LargestBlock);
            random.NextBytes(there.AsSpan(0, size));
            sent.Append(there.AsSpan(0, size));
            Task sending = SendAsync(client, there.AsMemory(0, size));
            for (int got = 0; got < size;)
            {
                int count = await client.ReceiveAsync(back.AsMemory(0, size - got));
                Assert.NotEqual(0, count);
                received.Append(back.AsSpan(0, count));
                got += count;
            }

            await sending;
        }

        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await client.ReceiveAsync(back));
        TrafficStream.AssertEqual(sent, received);
    }

    private static async Task SendAsync(Socket client, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await client.SendAsync(bytes)..];
        }
    }
}
