using Microsoft.Extensions.Logging;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;

namespace TcpActors.Transport.Links;

/// <summary>How much a <see cref="CapturingLink"/> keeps.</summary>
public sealed record CaptureOptions
{
    /// <summary>Bytes kept of each frame; 0: all, up to 262,144.</summary>
    public int SnapLength { get; init; }

    /// <summary>The file's size at which capturing stops; the link goes on.</summary>
    public long MaxFileSize { get; init; } = 1L << 30;
}

/// <summary>
/// Another link whose frames are written to a pcapng file as they are: super-segments whole, checksums that the link completes
/// unfinished. What is sent is written before the link takes or loses it. Blocks are flushed when they fill a buffer, and at once while
/// the receiving thread is idle, so that the file of a killed process is readable up to then. A file that cannot be written ends the
/// capture, not the link.
/// </summary>
public sealed unsafe class CapturingLink : ILink
{
    private const int MacAddresses = 12;

    private readonly ILink _link;
    private readonly string _path;
    private readonly CaptureOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly HeapFrames _heap = new();
    private readonly Lock _lock = new();
    private PcapngWriter? _writer;
    private volatile bool _isIdle;

    /// <param name="link">The link that does the work, with one receive queue; disposed with this one.</param>
    /// <param name="path">The file, made or overwritten.</param>
    /// <param name="options">How much is kept.</param>
    /// <param name="clock">Gives the time of each frame.</param>
    /// <param name="logger">Told once when the capture ends before the link does.</param>
    /// <exception cref="IOException">When the file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">When the file may not be made.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When the snap length is negative.</exception>
    /// <exception cref="ArgumentException">When the link has several receive queues.</exception>
    public CapturingLink(ILink link, string path, CaptureOptions options, TimeProvider clock, ILogger<CapturingLink> logger)
        : this(link, new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0), path, options, clock, logger)
    {
    }

    internal CapturingLink(ILink link, Stream file, string path, CaptureOptions options, TimeProvider clock, ILogger<CapturingLink> logger)
    {
        (_link, _path, _options, _clock, _logger) = (link, path, options, clock, logger);
        try
        {
            ArgumentOutOfRangeException.ThrowIfNegative(options.SnapLength, nameof(options));
            if (link.FurtherQueues.Count != 0)
            {
                throw new ArgumentException("A capture is of one queue: open the link with one.", nameof(link));
            }

            _writer = new PcapngWriter(file, link.Name, link.Address, options.SnapLength);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public string Name => _link.Name;

    public MacAddress Address => _link.Address;

    public int Mtu => _link.Mtu;

    public LinkCapabilities Capabilities => _link.Capabilities;

    public int MaxSuperSegment => _link.MaxSuperSegment;

    public bool IsUp => _link.IsUp;

    public int LendingDepth => _link.LendingDepth;

    public int Depth => _link.Depth;

    public LinkCounters Counters => _link.Counters;

    public int Receive(Span<RxFrame> frames, Microseconds timeout)
    {
        int taken = _link.Receive(frames, Microseconds.Zero);
        if (taken == 0 && timeout > Microseconds.Zero)
        {
            // Set before the flush: whoever sends after it flushes on its own.
            _isIdle = true;
            Flush();
            taken = _link.Receive(frames, timeout);
            _isIdle = false;
        }

        taken = MakeWhole(frames[..taken]);
        if (taken > 0)
        {
            Capture(frames[..taken]);
        }

        return taken;
    }

    public void Refresh() => _link.Refresh();

    public void Wake() => _link.Wake();

    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        Capture(frames);
        if (_isIdle)
        {
            Flush();
        }

        return _link.Send(frames);
    }

    /// <summary>Brings the file up to date. Any thread.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            try
            {
                _writer?.Flush();
            }
            catch (IOException failure)
            {
                Fail(failure);
            }
        }
    }

    public void Dispose()
    {
        Flush();
        lock (_lock)
        {
            _writer?.Dispose();
            _writer = null;
        }

        _link.Dispose();
    }

    /// <summary>What a link would have copied straight to its place is copied here first, for the file.</summary>
    private int MakeWhole(Span<RxFrame> frames)
    {
        int whole = 0;
        foreach (ref readonly RxFrame frame in frames)
        {
            if (frame.Missing == 0)
            {
                frames[whole++] = frame;
            }
            else if (_heap.TryCopy(frame, out RxFrame copy))
            {
                frames[whole++] = copy;
            }
        }

        return whole;
    }

    private void Capture(ReadOnlySpan<RxFrame> frames)
    {
        Span<byte> tag = stackalloc byte[4];
        lock (_lock)
        {
            long now = Now();
            foreach (ref readonly RxFrame frame in frames)
            {
                ReadOnlySpan<byte> bytes = frame.Bytes;
                if (frame.HasVlanTag && bytes.Length >= MacAddresses)
                {
                    (tag[0], tag[1], tag[2], tag[3]) = (0x81, 0x00, (byte)(frame.VlanTci >> 8), (byte)frame.VlanTci);
                    Write(now, isInbound: true, bytes[..MacAddresses], tag, bytes[MacAddresses..]);
                }
                else
                {
                    Write(now, isInbound: true, bytes, [], []);
                }
            }
        }
    }

    private void Capture(ReadOnlySpan<TxFrame> frames)
    {
        lock (_lock)
        {
            long now = Now();
            foreach (ref readonly TxFrame frame in frames)
            {
                Write(
                    now,
                    isInbound: false,
                    new ReadOnlySpan<byte>(frame.Header, frame.HeaderLength),
                    new ReadOnlySpan<byte>(frame.Payload0, frame.Payload0Length),
                    new ReadOnlySpan<byte>(frame.Payload1, frame.Payload1Length));
            }
        }
    }

    private long Now() => (_clock.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * TimeSpan.NanosecondsPerTick;

    private void Write(long now, bool isInbound, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        if (_writer is null)
        {
            return;
        }

        try
        {
            if (_writer.Length + _writer.SizeOf(first.Length + second.Length + third.Length) > _options.MaxFileSize)
            {
                _writer.Flush();
                Log.CaptureFull(_logger, Name, _path, _writer.Length);
                Stop();
            }
            else
            {
                _writer.Write(now, isInbound, first, second, third);
            }
        }
        catch (IOException failure)
        {
            Fail(failure);
        }
    }

    private void Fail(IOException failure)
    {
        Log.CaptureFailed(_logger, failure, Name, _path);
        Stop();
    }

    private void Stop()
    {
        _writer?.Dispose();
        _writer = null;
    }
}
