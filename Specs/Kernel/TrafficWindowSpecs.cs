using System.Net.Sockets;
using TcpActors.HostSide.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>RFC 9293 3.8.6: what was promised to the peer is kept through a move, and a window that was closed opens again.</summary>
public sealed class TrafficWindowSpecs(ITestOutputHelper output)
{
    private const int Bytes = 16 << 20;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    public async Task A_window_that_was_closed_when_the_connection_moved_opens_wide_again(AddressFamily family, bool withoutScaling)
    {
        using var hosts = new TwoHosts();
        if (withoutScaling)
        {
            hosts.Client.Namespace.Sysctl("net.ipv4.tcp_window_scaling", "0");
        }

        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        bool enough = false;
        Task sending = Task.Run(() => sent.SendAsync(line.Client, () => !Volatile.Read(ref enough), seed: 26));
        await TrafficStream.UntilAsync(() => line.Served.Memory.Receive.Free == 0).WaitAsync(TrafficConnection.Patience);

        Socket kernel = await MoveUntilTheKernelHasNoRoomAsync(line);

        // A segment that comes then makes it close the window all but completely.
        await TrafficStream.UntilAsync(() => kernel.Available > 0).WaitAsync(TrafficConnection.Patience);
        long waited = sent.Bytes;
        Task receiving = received.ReceiveAsync(line.Served);
        Task ending = TrafficStream.UntilAsync(() => received.Bytes >= waited + Bytes).ContinueWith(
            _ => Volatile.Write(ref enough, true), TaskScheduler.Default);
        await line.AllAsync("seed 26", sent, received, ending, sending, receiving);

        TrafficStream.AssertEqual(sent, received);
    }

    /// <summary>
    /// What was promised must really fit: a kernel that has to drop it closes the window on what the peer has sent already, and then takes
    /// none of its acknowledgements, as they lie beyond (RFC 9293 3.8.6.2.1, 3.10.7.4 first).
    /// </summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 576)]
    [InlineData(AddressFamily.InterNetwork, 1500)]
    [InlineData(AddressFamily.InterNetworkV6, 1280)]
    public async Task With_both_directions_full_at_a_move_the_peers_acknowledgements_are_taken_all_the_same(AddressFamily family, int mtu)
    {
        using var hosts = new TwoHosts(mtu);
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        using var toServer = new TrafficStream();
        using var fromClient = new TrafficStream();
        using var toClient = new TrafficStream();
        using var fromServer = new TrafficStream();
        bool enough = false;
        Task sending = Task.Run(() => fromClient.SendAsync(line.Client, () => !Volatile.Read(ref enough), seed: 27));
        Task answering = Task.Run(() => fromServer.SendAsync(line.Served, () => fromServer.Bytes < Bytes, seed: 28));
        await TrafficStream.UntilAsync(() => line.Served.Memory.Receive.Free == 0).WaitAsync(TrafficConnection.Patience);
        Socket kernel = await MoveUntilTheKernelHasNoRoomAsync(line);
        await TrafficStream.UntilAsync(() => kernel.Available > 0).WaitAsync(TrafficConnection.Patience);

        Task receiving = Task.Run(() => toClient.ReceiveAsync(line.Client));
        await line.AllAsync("seeds 27 and 28, to the client", fromServer, toClient, answering);
        Volatile.Write(ref enough, true);
        Task reading = toServer.ReceiveAsync(line.Served);
        await line.AllAsync("seeds 27 and 28", fromClient, toServer, sending, reading, receiving);

        TrafficStream.AssertEqual(fromClient, toServer);
        TrafficStream.AssertEqual(fromServer, toClient);
    }

    /// <summary>
    /// RFC 9293 3.8.6: while a socket is read in repair mode, the kernel may count as sent what only waits. That is not in flight: nobody has
    /// offered room for it.
    /// </summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task What_is_in_flight_after_a_take_out_is_never_more_than_the_peer_has_offered(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Client.Namespace.Sysctl("net.ipv4.tcp_window_scaling", "0");
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        bool enough = false;
        Task sending = Task.Run(() => sent.SendAsync(line.Served, () => !Volatile.Read(ref enough), seed: 30));
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        uint most = 0;
        for (int i = 0; i < 200; i++)
        {
            await line.OffloadAsync();
            most = Math.Max(most, line.Served.Memory.Slot.Read(out _).Flight);
            await line.UploadAsync();
        }

        Volatile.Write(ref enough, true);
        await line.AllAsync("seed 30", sent, received, sending, receiving);
        TrafficStream.AssertEqual(sent, received);
        output.WriteLine($"at most {most} bytes in flight");
        Assert.InRange(most, 1u, 65535u);
    }

    /// <summary>With each move the peer uses up more of what it was promised.</summary>
    private static async Task<Socket> MoveUntilTheKernelHasNoRoomAsync(TrafficConnection line)
    {
        Socket kernel;
        do
        {
            await line.MoveToAndFroAsync();
            kernel = ((KernelHalf)line.Served.Half).Socket!;
        }
        while (kernel.ReceiveBufferSize > 8192);

        return kernel;
    }
}
