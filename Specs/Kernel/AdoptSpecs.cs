using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A socket that the application already has, taken over with what it holds and how it was set.</summary>
public sealed class AdoptSpecs(ITestOutputHelper output)
{
    private const int Size = 300_000;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Unread_unacknowledged_and_unsent_bytes_travel_along(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        byte[] there = Bytes(seed: 1);
        byte[] back = Bytes(seed: 2);
        const int early = 50_000;
        Assert.Equal(early, both.Client.Send(there, 0, early, SocketFlags.None));
        await CloseTalk.UntilAsync(() => Task.FromResult(both.Server.Available == early), "unread bytes");

        Connection connection;
        int inSocket;
        using (hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 1)))
        {
            both.Server.Blocking = false;
            both.Server.SendBufferSize = 400_000;
            inSocket = both.Server.Send(back, 0, 200_000, SocketFlags.None);
            int unacknowledged = both.Server.Ask(TcpSystemCalls.BytesUnacknowledged);
            int unsent = both.Server.Ask(TcpSystemCalls.BytesUnsent);
            output.WriteLine($"unread {both.Server.Available}, unacknowledged {unacknowledged - unsent}, unsent {unsent}");
            Assert.True(unacknowledged - unsent > 0 && unsent > 0, "nothing waits in the socket");
            connection = await host.OffloadAsync(both.Server).WaitAsync(CloseTap.Patience);
            Assert.Equal(1ul, (ulong)connection.Epoch.Value);
        }

        Task<byte[]> atClient = FillAsync(memory => both.Client.ReceiveAsync(memory));
        Task writing = connection.Output.WriteAsync(back.AsMemory(inSocket)).AsTask();
        Task sending = Task.Run(async () =>
        {
            for (int sent = early; sent < Size;)
            {
                sent += await both.Client.SendAsync(there.AsMemory(sent));
            }
        });
        byte[] atServer = await FillAsync(memory => connection.ReceiveAsync(memory)).WaitAsync(CloseTap.Patience);
        await connection.UploadAsync().WaitAsync(CloseTap.Patience);
        Assert.Empty((await connection.OffloadAsync().WaitAsync(CloseTap.Patience)).Refused);

        Assert.Equal(SHA256.HashData(back), SHA256.HashData(await atClient.WaitAsync(CloseTap.Patience)));
        Assert.Equal(SHA256.HashData(there), SHA256.HashData(atServer));
        await Task.WhenAll(writing, sending).WaitAsync(CloseTap.Patience);
        await connection.DisposeAsync();
        Assert.Equal(0, await both.Client.ReceiveAsync(new byte[1]).WaitAsync(CloseTap.Patience));
    }

    [KernelFact]
    public async Task A_refused_socket_is_the_application_s_as_before()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect();
        both.Client.Send(new byte[7]);
        both.Client.Shutdown(SocketShutdown.Send);
        await CloseTalk.UntilAsync(() => Task.FromResult(both.Server.Available == 7), "data and FIN");
        var server = (IPEndPoint)both.Server.LocalEndPoint!;
        await CloseTalk.UntilAsync(
            () => Task.FromResult(CloseStates.Of(hosts.Server, server.Port, ((IPEndPoint)both.Client.LocalEndPoint!).Port) == CloseStates.CloseWait), "the FIN");

        OffloadHostException refusal = await Assert.ThrowsAsync<OffloadHostException>(
            () => host.OffloadAsync(both.Server).WaitAsync(CloseTap.Patience));

        Assert.Contains("CloseWait", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(await host.ListAsync());
        byte[] buffer = new byte[10];
        Assert.Equal(7, both.Server.Receive(buffer));
        Assert.Equal(0, both.Server.Receive(buffer));
        Assert.Equal(3, both.Server.Send(new byte[3]));
        Assert.Equal(3, await both.Client.ReceiveAsync(buffer).WaitAsync(CloseTap.Patience));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Options_of_the_application_survive_every_move(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        Socket socket = both.Server;
        socket.NoDelay = true;
        socket.LingerState = new LingerOption(enable: true, seconds: 7);
        socket.SendBufferSize = 60_000;
        socket.ReceiveBufferSize = 50_000;
        (int Level, int Option, int Value)[] set =
        [
            (TcpOption.LevelSocket, TcpOption.KeepAlive, 1), (TcpOption.LevelSocket, TcpOption.OutOfBandInline, 1),
            (TcpOption.LevelSocket, TcpOption.Priority, 5), (TcpOption.LevelSocket, TcpOption.Mark, 77),
            (TcpOption.LevelSocket, TcpOption.ReuseAddress, 1), (TcpOption.LevelSocket, TcpOption.ReusePort, 1),
            (TcpOption.LevelTcp, TcpOption.KeepIdle, 123), (TcpOption.LevelTcp, TcpOption.KeepInterval, 45),
            (TcpOption.LevelTcp, TcpOption.KeepCount, 6), (TcpOption.LevelTcp, TcpOption.UserTimeout, 60_000),
            (TcpOption.LevelTcp, TcpOption.NotSentLowWater, 32_768), (TcpOption.LevelTcp, TcpOption.Linger2, 11),
            (TcpOption.LevelSocket, TcpOption.ReceiveLowWater, 3), (TcpOption.LevelSocket, TcpOption.BusyPoll, 5),
            (TcpOption.LevelSocket, TcpOption.MaxPacingRate, 50_000_000),
            family == AddressFamily.InterNetwork
                ? (TcpOption.LevelIPv4, TcpOption.IPv4Tos, 0x28) : (TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass, 0x28),
            family == AddressFamily.InterNetwork
                ? (TcpOption.LevelIPv4, TcpOption.IPv4Ttl, 33) : (TcpOption.LevelIPv6, TcpOption.IPv6Hops, 33),
            family == AddressFamily.InterNetwork
                ? (TcpOption.LevelIPv4, TcpOption.IPv4FreeBind, 1) : (TcpOption.LevelIPv6, TcpOption.IPv6FreeBind, 1),
        ];
        Array.ForEach(set, each => socket.SetInt(each.Level, each.Option, each.Value));
        socket.SetRawSocketOption(TcpOption.LevelTcp, TcpOption.Congestion, "reno"u8);
        string[] before = Describe(socket, set);

        await using Connection connection = await host.OffloadAsync(socket).WaitAsync(CloseTap.Patience);
        for (int i = 0; i < 5; i++)
        {
            await connection.UploadAsync().WaitAsync(CloseTap.Patience);
            Assert.Equal(before, Describe(((KernelHalf)connection.Half).Socket!, set));
            await both.Client.SendAsync(new byte[10_000]);
            Assert.Empty((await connection.OffloadAsync().WaitAsync(CloseTap.Patience)).Refused);
        }
    }

    /// <summary>What the application changes while it is under way is on the next socket too, with what the kernel makes of it (ip(7): the type of service sets the priority).</summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Settings_changed_anywhere_survive_every_move(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        bool isIPv4 = family == AddressFamily.InterNetwork;
        (int Level, int Option, int Value)[] set =
        [
            (TcpOption.LevelSocket, TcpOption.Priority, 0), (TcpOption.LevelSocket, TcpOption.KeepAlive, 1), (TcpOption.LevelTcp, TcpOption.NoDelay, 1),
            (TcpOption.LevelTcp, TcpOption.KeepIdle, 123), (TcpOption.LevelTcp, TcpOption.KeepInterval, 45), (TcpOption.LevelTcp, TcpOption.KeepCount, 6),
            (TcpOption.LevelTcp, TcpOption.UserTimeout, 60_000), (TcpOption.LevelSocket, TcpOption.MaxPacingRate, 50_000_000),
            isIPv4 ? (TcpOption.LevelIPv4, TcpOption.IPv4Tos, 0x10) : (TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass, 0x10),
            isIPv4 ? (TcpOption.LevelIPv4, TcpOption.IPv4Ttl, 33) : (TcpOption.LevelIPv6, TcpOption.IPv6Hops, 33),
        ];
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(CloseTap.Patience);
        for (int i = 0; i < 3; i++)
        {
            // At the TOE, in the kernel, at the TOE; each time something new.
            byte ttl = (byte)(30 + i);
            await connection.UpdateAsync(new ConnectionSettings
            {
                NoDelay = true,
                KeepAlive = true,
                KeepAliveTime = TimeSpan.FromSeconds(123),
                KeepAliveInterval = TimeSpan.FromSeconds(45),
                KeepAliveProbes = 6,
                UserTimeout = TimeSpan.FromSeconds(60),
                MaxPacingRate = 50_000_000,
                TypeOfService = 0x10,
                Ttl = ttl,
            }).WaitAsync(CloseTap.Patience);
            set[^1].Value = ttl;
            if (i != 1)
            {
                await connection.UploadAsync().WaitAsync(CloseTap.Patience);
            }

            // Minimize delay is interactive traffic, band 6 (tc-prio(8)).
            set[0].Value = isIPv4 ? 6 : 0;
            Socket back = ((KernelHalf)connection.Half).Socket!;
            Assert.Equal(set, set.Select(each => (each.Level, each.Option, back.GetInt(each.Level, each.Option))));
            if (i == 1)
            {
                Assert.Empty((await connection.OffloadAsync().WaitAsync(CloseTap.Patience)).Refused);
            }
        }
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_port_of_a_connection_stays_taken_while_a_TOE_owns_its_flow(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Run(() => File.WriteAllText("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003"));
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using Socket listener = hosts.Client.Listen(family);
        var peer = (IPEndPoint)listener.LocalEndPoint!;
        await using Connection first = await host.ConnectAsync(peer).WaitAsync(CloseTap.Patience);
        using Socket firstPeer = await listener.AcceptAsync();
        await using Connection second = await host.ConnectAsync(peer).WaitAsync(CloseTap.Patience);
        using Socket secondPeer = await listener.AcceptAsync();
        MoveResult there = await host.OffloadAsync().WaitAsync(CloseTap.Patience);
        Assert.Empty(there.Refused);

        var taken = new List<Socket>();
        SocketException? full = null;
        while (full is null && taken.Count < 4)
        {
            Socket other = hosts.Server.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
            taken.Add(other);
            try
            {
                await other.ConnectAsync(peer).WaitAsync(CloseTap.Patience);
            }
            catch (SocketException e)
            {
                full = e;
            }
        }

        Assert.Equal(SocketError.AddressNotAvailable, full?.SocketErrorCode);
        int[] ports = [.. taken.SkipLast(1).Select(other => ((IPEndPoint)other.LocalEndPoint!).Port)];
        int[] ours = [first.LocalEndPoint.Port, second.LocalEndPoint.Port];
        Assert.Equal([40000, 40001, 40002, 40003], ports.Concat(ours).Order());

        await first.UploadAsync().WaitAsync(CloseTap.Patience);
        Assert.Empty((await first.OffloadAsync().WaitAsync(CloseTap.Patience)).Refused);
        foreach ((Connection ourEnd, Socket theirEnd) in new[] { (first, firstPeer), (second, secondPeer) })
        {
            await ourEnd.Output.WriteAsync(new byte[5]);
            Assert.Equal(5, await theirEnd.ReceiveAsync(new byte[10]).WaitAsync(CloseTap.Patience));
        }

        taken.ForEach(other => other.Dispose());
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_reader_that_waits_for_more_than_the_fixed_buffer_holds_gets_it_through_moves(AddressFamily family)
    {
        const int half = 100_000;
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        both.Server.ReceiveBufferSize = 16_384;
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(CloseTap.Patience);
        Task<System.IO.Pipelines.ReadResult> reading = connection.Input.ReadAtLeastAsync(2 * half).AsTask();
        await both.Client.SendAsync(new byte[half]);
        await CloseTalk.UntilAsync(() => Task.FromResult(connection.Memory.Receive.Unread == half), "the first half");

        await connection.UploadAsync().WaitAsync(CloseTap.Patience);
        Assert.Empty((await connection.OffloadAsync().WaitAsync(CloseTap.Patience)).Refused);
        await connection.UploadAsync().WaitAsync(CloseTap.Patience);
        await both.Client.SendAsync(new byte[half]);

        Assert.Equal(2 * half, (await reading.WaitAsync(CloseTap.Patience)).Buffer.Length);
    }

    private static string[] Describe(Socket socket, (int Level, int Option, int Value)[] options)
    {
        byte[] name = new byte[16];
        int length = socket.GetRawSocketOption(TcpOption.LevelTcp, TcpOption.Congestion, name);
        return
        [
            .. options.Select(each => $"{each.Level}/{each.Option}: {socket.GetInt(each.Level, each.Option)}"),
            $"congestion control {System.Text.Encoding.ASCII.GetString(name, 0, length).TrimEnd('\0')}",
            $"no delay {socket.NoDelay}", $"linger {socket.LingerState?.Enabled} {socket.LingerState?.LingerTime}",
            $"send buffer {socket.SendBufferSize}", $"receive buffer {socket.ReceiveBufferSize}",
        ];
    }

    private static byte[] Bytes(int seed)
    {
        byte[] bytes = new byte[Size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task<byte[]> FillAsync(Func<Memory<byte>, ValueTask<int>> receive)
    {
        byte[] bytes = new byte[Size];
        for (int got = 0; got < Size;)
        {
            int count = await receive(bytes.AsMemory(got));
            Assert.NotEqual(0, count);
            got += count;
        }

        return bytes;
    }
}
