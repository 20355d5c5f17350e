using System.Diagnostics;
using System.Globalization;
using System.Net;
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

    private readonly Cable _cable = new(linkOffloads: true);
    private readonly ConnectionListener _listener;

    public MoveLab()
    {
        Host = _cable.Server.Run(() => OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never }));
        _listener = _cable.Server.Run(() => Host.Listen(new IPEndPoint(Cable.ServerAddress, 0), Backlog));
    }

    public OffloadHost Host { get; }

    /// <summary>A peer's process, and the connections that it has opened.</summary>
    public async Task<(Process Peer, Connection[] Connections)> ConnectAsync(MoveTraffic traffic, int count)
    {
        string self = Environment.ProcessPath!;
        string[] own = Path.GetFileNameWithoutExtension(self) is "dotnet" ? [typeof(MoveLab).Assembly.Location] : [];
        var start = new ProcessStartInfo(self,
        [
            .. own, MovePeer.Verb, _listener.EndPoint.Address.ToString(), _listener.EndPoint.Port.ToString(CultureInfo.InvariantCulture),
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
            connections[i] = (await _listener.AcceptAsync())!;
        }

        return (peer, connections);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await Host.DisposeAsync();
        _cable.Dispose();
    }
}
