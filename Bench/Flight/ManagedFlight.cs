using System.Net;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Links;

namespace TcpActors.Bench.Flight;

/// <summary>Within one process: two managed hosts on an in-memory link.</summary>
internal sealed class ManagedFlight : FlightLine
{
    private const int Port = 7;
    private static readonly IPAddress s_ours = IPAddress.Parse("10.77.0.1");
    private static readonly IPAddress s_peers = IPAddress.Parse("10.77.0.2");

    private readonly InMemoryLinkPair _cable = new();
    private readonly LosingLink _link;
    private readonly ManagedHost _host;
    private readonly ManagedHost _peer;
    private readonly ConnectionListener _listener;
    private Connection? _connection;

    private ManagedFlight(int flight)
    {
        var options = new HostOptions { Policy = OffloadPolicies.Never };
        int limit = Math.Max(2 * flight, options.SendBufferLimit);
        options = options with { SendBufferLimit = limit, ReceiveBufferLimit = limit };
        _link = new LosingLink(_cable.A);
        _host = new ManagedHost("toe", _link, [s_ours], options with { CongestionControl = FillingWindow.Known.Name });
        _peer = new ManagedHost("peer", _cable.B, [s_peers], options);
        _host.SetNeighbor(s_peers, _cable.B.Address);
        _peer.SetNeighbor(s_ours, _cable.A.Address);
        _listener = _host.Listen(new IPEndPoint(s_ours, Port));
    }

    public override IOffloadHost Host => _host;

    public override Connection Connection => _connection!;

    public override ChunkPool Pool => _host.Pool;

    public static async Task<FlightLine> StartAsync(int flight)
    {
        var line = new ManagedFlight(flight);
        try
        {
            await line._peer.ConnectAsync(line._listener.EndPoint);
            line._connection = await line._listener.AcceptAsync();
            await line.FillAsync(flight);
            return line;
        }
        catch
        {
            await line.DisposeAsync();
            throw;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _connection?.Abort();
        await _listener.DisposeAsync();
        await _host.DisposeAsync();
        await _peer.DisposeAsync();
        _cable.Dispose();
    }

    private async Task FillAsync(int flight)
    {
        FillingWindow.Known.IsFilling = true;
        _link.Loses = true;

        // Written while the stack has the connection, which lets an application write ahead up to its limit. Then the peer's window is opened as far as
        // it goes: a peer by itself would open it only as its application reads.
        await Connection.Output.WriteAsync(new byte[flight]);
        await MoveAsync(Connection.OffloadAsync());
        Send(OpenWindow(await ReportAsync()));
        await UntilAsync(report => report.Variants.Flight == flight, $"{flight} bytes in flight");
        FillingWindow.Known.IsFilling = false;
        await MoveAsync(Connection.UploadAsync());
    }

    /// <summary>An acknowledgement that the peer might have sent at this moment.</summary>
    private static byte[] OpenWindow(ConnectionReport report)
    {
        byte[] bytes = new byte[HeaderTemplate.MaxLength];
        int length = new FrameBuilder
        {
            SourceMac = report.Segment!.Neighbor.Mac,
            DestinationMac = report.Segment.Neighbor.SourceMac,
            Flow = report.Connection!.Flow.Reversed,
            Seq = report.Variants.RcvNxt,
            Ack = report.Variants.SndUna,
            Flags = TcpFlags.Ack,
            Window = ushort.MaxValue,
            Options = new TcpOptions { HasTimestamps = report.Connection.TimestampsEnabled, TsVal = report.Variants.TsRecent },
        }.Write(bytes);
        return bytes[..length];
    }

    private unsafe void Send(byte[] frame)
    {
        fixed (byte* bytes = frame)
        {
            var sent = new TxFrame { Header = bytes, HeaderLength = frame.Length };
            _cable.B.Send(new ReadOnlySpan<TxFrame>(in sent));
        }
    }
}
