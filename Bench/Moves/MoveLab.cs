using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench.Moves;

/// <summary>
/// This process as the server, with an offload host at one end of a cable, and the peer as another process at the other end. All of it ends with
/// this process.
/// </summary>
internal sealed class MoveLab : IAsyncDisposable
{
    private const int Backlog = 4096;

    private readonly Cable _cable = new(new CableOptions());
    private readonly Socket _listener;

    /// <param name="change">What the host is to have otherwise than usual.</param>
    public MoveLab(Func<OffloadHostOptions, OffloadHostOptions>? change = null)
    {
        var options = new OffloadHostOptions { Policy = OffloadPolicies.Never, Toes = [new ToeOptions(Cable.ServerInterface)] };
        Host = _cable.Server.Run(() => OffloadHost.Create(change?.Invoke(options) ?? options));

        // Linux answers what it does not accept twice a second at most, which is as often as a connection moves anywhere but here.
        _cable.Load.Sysctl("net.ipv4.tcp_invalid_ratelimit", "0");

        // Accepted sockets inherit this: Nagle's algorithm would wait for the peer, and be taken for a blackout.
        _listener = _cable.Server.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        _listener.Bind(new IPEndPoint(Cable.ServerAddress, 0));
        _listener.Listen(Backlog);
    }

    public OffloadHost Host { get; }

    /// <summary>What joins the two.</summary>
    public Cable Cable => _cable;

    /// <summary>A peer's process, and the connections that it has opened.</summary>
    public async Task<(Process Peer, Connection[] Connections)> ConnectAsync(MoveTraffic traffic, int count)
    {
        string self = Environment.ProcessPath!;
        string[] own = Path.GetFileNameWithoutExtension(self) is "dotnet" ? [typeof(MoveLab).Assembly.Location] : [];
        var start = new ProcessStartInfo(self,
        [
            .. own, MovePeer.Verb, Cable.ServerAddress.ToString(),
            ((IPEndPoint)_listener.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture),
            traffic.ToString(), count.ToString(CultureInfo.InvariantCulture),
        ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };

        // It ends when its input does, however this process ends.
        Process peer = _cable.Load.Run(() => Process.Start(start)!);
        var connections = new Connection[count];
        for (int i = 0; i < count; i++)
        {
            connections[i] = Host.Adopt(await _listener.AcceptAsync(), isActive: false);
        }

        return (peer, connections);
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await Host.DisposeAsync();
        _cable.Dispose();
    }
}
