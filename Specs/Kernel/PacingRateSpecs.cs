using System.Diagnostics;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>SO_MAX_PACING_RATE holds whoever owns the connection: no busy machine makes it faster.</summary>
public sealed class PacingRateSpecs(ITestOutputHelper output)
{
    private const int BytesPerSecond = 8_000_000;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_bound_of_the_rate_is_kept_by_the_TOE(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        both.Server.SetInt(TcpOption.LevelSocket, TcpOption.MaxPacingRate, BytesPerSecond);
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(TrafficConnection.Patience);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        var clock = Stopwatch.StartNew();
        Task receiving = Task.Run(() => received.ReceiveAsync(both.Client));
        await sent.SendAsync(connection, () => sent.Bytes < BytesPerSecond, seed: 60).WaitAsync(TrafficConnection.Patience);
        await receiving.WaitAsync(TrafficConnection.Patience);

        TrafficStream.AssertEqual(sent, received);
        output.WriteLine($"{sent.Bytes / clock.Elapsed.TotalSeconds / 1e6:f2} MB/s");

        // It may leave a millisecond's worth ahead of its time, in each of the TOE's turns after a pause.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.95, double.MaxValue);
    }
}
