using System.Text.Json;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>
/// Writes what a host's policy is told, a line of JSON for each sample and each event. It asks for samples at set-up and at each doubling of a connection's bytes, so that
/// the record knows of short connections too. A file that cannot be written to, or is full, ends the record and nothing else. One thread at a time.
/// </summary>
internal sealed class TraceWriter : IDisposable
{
    /// <summary>After how many bytes of a connection there is a sample, beside the one when it is set up.</summary>
    private const long FirstLook = 4096;

    // Room for the last line.
    private const int Reserve = 256;

    private readonly ILogger _logger;
    private readonly long _limit;
    private FileStream? _file;
    private long _last;

    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public TraceWriter(string path, HostOptions options, Microseconds now, ILogger logger)
    {
        (_limit, _logger) = (options.RecordLimit, logger);

        // A record that is read while it is written ends in the middle of nothing.
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 64 << 10);
        Write(new TraceBegin
        {
            T = now.Value,
            Version = TraceBegin.Known,
            Policy = options.Policy.Name,
            Interval = options.StatisticsInterval.TotalSeconds,
            Hysteresis = options.MoveHysteresis.TotalSeconds,
            Began = TimeProvider.System.GetUtcNow(),
        });
    }

    /// <summary>When to sample a connection again that has moved so many bytes.</summary>
    public static long NextLook(long bytes) => Math.Max(FirstLook, 2 * bytes);

    public void Toes(Microseconds now, IReadOnlyList<ToeStatistics> toes)
    {
        Write(new TraceToes
        {
            T = now.Value,
            Toes =
            [
                .. toes.Select(toe => new TraceToe(
                    toe.Name, toe.IsLinkUp, toe.Capacity, toe.Connections, toe.BufferMemoryUsed, toe.BufferMemoryLimit)),
            ],
        });

        // What a host that dies leaves is whole up to here.
        Try(static file => file.Flush());
    }

    public void Sampled(ConnectionId connection, ConnectionStatistics statistics, UploadReason offered = UploadReason.None) =>
        Write(TraceText.Of(connection, statistics) with { Offered = offered == UploadReason.None ? null : offered.ToString() });

    public void Moved(Microseconds now, ConnectionId connection, string? toe) =>
        Write(new TraceMoved { T = now.Value, C = connection.Value, Toe = toe });

    public void TakenInHand(Microseconds now, ConnectionId connection) => Write(new TraceHand { T = now.Value, C = connection.Value });

    public void Ending(Microseconds now, ConnectionId connection, Tally tally) => Write(new TraceEnding
    {
        T = now.Value,
        C = connection.Value,
        Rx = [tally.BytesReceived, tally.SegmentsReceived],
        Tx = [tally.BytesSent, tally.SegmentsSent],
    });

    public void Ended(Microseconds now, ConnectionId connection) => Write(new TraceEnd { T = now.Value, C = connection.Value });

    public void Dispose() => Close("the host has ended");

    private void Write(TraceLine line)
    {
        if (_file is null)
        {
            return;
        }

        _last = Math.Max(_last, line.T);
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(line, TraceJson.Default.TraceLine);
        if (_file.Position + text.Length + Reserve > _limit && line is not TraceClose)
        {
            string reason = $"it has reached its limit of {_limit} bytes";
            Log.RecordEnded(_logger, reason);
            Close(reason);
            return;
        }

        Try(file =>
        {
            file.Write(text);
            file.WriteByte((byte)'\n');
        });
    }

    private void Close(string reason)
    {
        Write(new TraceClose { T = _last, Reason = reason });
        Try(static file => file.Dispose());
        _file = null;
    }

    private void Try(Action<FileStream> write)
    {
        try
        {
            if (_file is { } file)
            {
                write(file);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.RecordEnded(_logger, e.Message);
            _file = null;
        }
    }
}
