using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// The whole product between two hosts: a server that echoes, a kernel client, and one connection of theirs, which moves only when a spec
/// says so. Every wait has a deadline.
/// </summary>
internal sealed class FenceLine : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly List<Task> _echoes = [];

    private FenceLine(TwoHosts hosts, OffloadHost host, ConnectionListener listener, Socket client, Connection connection) =>
        (Hosts, Host, Listener, Client, Connection) = (hosts, host, listener, client, connection);

    public TwoHosts Hosts { get; }

    public OffloadHost Host { get; }

    public ConnectionListener Listener { get; }

    public Socket Client { get; }

    /// <summary>The server's end of <see cref="Client"/>; it echoes.</summary>
    public Connection Connection { get; }

    /// <summary>Resets that the server's kernel has made, whether they left or not (RFC 4022, tcpOutRsts).</summary>
    public long ServerResets => TcpCounter("OutRsts");

    public static async Task<FenceLine> StartAsync(AddressFamily family, ITestOutputHelper output, HostFences? fences = null)
    {
        var hosts = new TwoHosts();
        OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(new OffloadHostOptions
        {
            Policy = OffloadPolicies.Never,
            LoggerFactory = new SpecLog(output),
            Fences = fences ?? new HostFences(),
        }));
        ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        Socket client = await ConnectAsync(hosts.Client, listener.EndPoint);
        var line = new FenceLine(hosts, host, listener, client, await AcceptAsync(listener));
        line.BeginEcho(line.Connection);
        return line;
    }

    /// <summary>Connects from a host through its kernel.</summary>
    public static async Task<Socket> ConnectAsync(SpecHost from, IPEndPoint to)
    {
        Socket socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await socket.ConnectAsync(to).WaitAsync(s_patience);
        return socket;
    }

    public static async Task<Connection> AcceptAsync(ConnectionListener listener)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        return (await listener.AcceptAsync(deadline.Token))!;
    }

    /// <summary>Sends a byte pattern and waits until it has come back.</summary>
    public static async Task EchoAsync(Socket client, int bytes = 1000)
    {
        byte[] sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        Task sending = SendAllAsync(client, sent);
        byte[] received = await ReceiveAsync(client, bytes);
        await sending.WaitAsync(s_patience);
        Assert.Equal(sent, received);
    }

    public static async Task<byte[]> ReceiveAsync(Socket socket, int bytes)
    {
        byte[] received = new byte[bytes];
        for (int done = 0; done < bytes;)
        {
            int count = await socket.ReceiveAsync(received.AsMemory(done)).AsTask().WaitAsync(s_patience);
            Assert.True(count > 0, $"the stream ended after {done} of {bytes} bytes");
            done += count;
        }

        return received;
    }

    /// <summary>Waits for something that no event tells of.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        try
        {
            while (!condition())
            {
                await pause.WaitForNextTickAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"in vain awaited: {what}");
        }
    }

    public void BeginEcho(Connection connection) => _echoes.Add(EchoAsync(connection));

    public Task OffloadAsync() => OffloadAsync(Connection);

    /// <summary>Moves a connection to the TOE, which must not refuse it.</summary>
    public static async Task OffloadAsync(Connection connection)
    {
        MoveResult moved = await connection.OffloadAsync().WaitAsync(s_patience);
        Assert.Equal((1, 0), (moved.Moved, moved.Refused.Count));
    }

    public async Task<ConnectionReport> ReportAsync(Connection connection) =>
        (await Host.ListAsync().WaitAsync(s_patience)).Single(report => report.Id == connection.Id);

    public Task<ConnectionReport> ReportAsync() => ReportAsync(Connection);

    /// <summary>A counter of the server kernel's TCP, by its name in /proc/net/snmp.</summary>
    public long TcpCounter(string name) => TcpCounter(Hosts.Server, name);

    /// <summary>A counter of a kernel's TCP, by its name in /proc/net/snmp.</summary>
    public static long TcpCounter(SpecHost host, string name) => Counter(host, "snmp", "Tcp:", name);

    /// <summary>One of Linux's own counters of its TCP, by its name in /proc/net/netstat.</summary>
    public static long TcpExtCounter(SpecHost host, string name) => Counter(host, "netstat", "TcpExt:", name);

    /// <summary>One of Linux's own counters of its IP, by its name in /proc/net/netstat.</summary>
    public static long IpExtCounter(SpecHost host, string name) => Counter(host, "netstat", "IpExt:", name);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Listener.DisposeAsync();
        await Host.DisposeAsync();
        await Task.WhenAll(_echoes).WaitAsync(s_patience);
        Hosts.Dispose();
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    private static long Counter(SpecHost host, string file, string group, string name) => host.Run(() =>
    {
        string[][] lines = [.. File.ReadLines($"/proc/thread-self/net/{file}")
            .Where(line => line.StartsWith(group, StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return long.Parse(lines[1][Array.IndexOf(lines[0], name)], CultureInfo.InvariantCulture);
    });

    private static async Task EchoAsync(Connection connection)
    {
        try
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
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Reset by the peer, which some specs want.
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }
}
