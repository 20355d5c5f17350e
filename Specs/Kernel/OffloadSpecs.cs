using System.Net.Sockets;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A kernel client on the other side of a veth pair, and a server whose connections move between the kernel and a TOE.</summary>
public sealed class OffloadSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task An_offloaded_connection_echoes_with_equal_hashes(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(
            hosts.Server, hosts.Client, family, output, policy: OffloadPolicies.Always);

        await line.EchoWhileMovingAsync(moves: 0, bytes: 64 << 20, seed: 1);

        Assert.True(line.Moves > 0, "it was never offloaded");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Two_hundred_moves_in_mid_transfer_lose_and_double_nothing(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);

        await line.EchoWhileMovingAsync(moves: 200, bytes: 16 << 20, seed: 2);

        Assert.True(line.Moves >= 200, $"only {line.Moves} moves");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_policy_does_not_undo_what_was_moved_by_hand(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(
            hosts.Server, hosts.Client, family, output, policy: OffloadPolicies.Bytes(65536));
        await line.MoveToAndFroAsync();
        Task echo = TrafficStream.EchoAsync(line.Served);

        await FenceLine.EchoAsync(line.Client, 1 << 20);

        Assert.Equal(2, line.Moves);
        line.Client.Shutdown(SocketShutdown.Send);
        await echo.WaitAsync(TrafficConnection.Patience);
    }
}
