using System.Diagnostics;
using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Moves;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Bench.Flight;

/// <summary>
/// Between the kernel and a TOE. The flight is made on the TOE, as no congestion control of the kernel's makes one of such a size on a cable without
/// length; the upload that ends the preparation brings it into the kernel.
/// </summary>
internal sealed class KernelFlight : FlightLine
{
    private const int Block = 256 << 10;

    private readonly MoveLab _lab;
    private Process? _peer;
    private Connection? _connection;
    private OwnedTable? _loss;

    private KernelFlight(int flight)
    {
        _lab = new MoveLab(options => options with
        {
            SendBufferLimit = Math.Max(2 * flight, options.SendBufferLimit),
            CongestionControl = FillingWindow.Known.Name,
        });

        // Of the peer's sockets: a window as large as the flight, and the kernel's own overhead.
        string memory = Math.Max(4 * flight, 1 << 20).ToString(CultureInfo.InvariantCulture);
        _lab.Cable.Load.Sysctl("net.ipv4.tcp_rmem", $"4096 {memory} {memory}");
    }

    public override IOffloadHost Host => _lab.Host;

    public override Connection Connection => _connection!;

    public override ChunkPool Pool => _lab.Host.Pool;

    public static async Task<FlightLine> StartAsync(int flight)
    {
        var line = new KernelFlight(flight);
        try
        {
            (line._peer, Connection[] connections) = await line._lab.ConnectAsync(MoveTraffic.BulkDown, 1);
            line._connection = connections[0];
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
        if (_peer is not null)
        {
            _peer.StandardInput.Close();
            await _peer.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
            await _peer.WaitForExitAsync();
            _peer.Dispose();
        }

        _loss?.Dispose();
        await _lab.DisposeAsync();
    }

    private async Task FillAsync(int flight)
    {
        FillingWindow.Known.IsFilling = true;
        await MoveAsync(Connection.OffloadAsync());

        // The peer opens its window by twice what comes in.
        for (int sent = 0; (await ReportAsync()).Variants.SndWnd < flight; sent += Block)
        {
            await Connection.Output.WriteAsync(new byte[Block]);
            if (sent > 4L * flight)
            {
                throw new BenchException($"The peer's window does not open to {flight} bytes.");
            }
        }

        await UntilAsync(report => report.Variants.Flight == 0, "all is acknowledged");
        await MoveAsync(Connection.UploadAsync());
        _loss = _lab.Cable.Load.Run(() => RandomLoss.At(Cable.LoadInterface, oneOf: 1));

        // Written while the kernel has the connection: a TOE lets nobody write far ahead of what is acknowledged.
        await Connection.Output.WriteAsync(new byte[flight]);
        await MoveAsync(Connection.OffloadAsync());
        await UntilAsync(report => report.Variants.Flight == flight, $"{flight} bytes in flight");
        FillingWindow.Known.IsFilling = false;
        await MoveAsync(Connection.UploadAsync());
    }
}
