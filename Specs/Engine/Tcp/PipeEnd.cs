using System.Security.Cryptography;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>What both ends of a pipe agree on, and their sizes.</summary>
internal sealed record PipeSettings
{
    public int Bytes { get; init; } = 8 << 20;

    public bool Timestamps { get; init; } = true;

    public bool Sack { get; init; } = true;

    public byte WindowScale { get; init; } = 7;

    public int ReceiveBuffer { get; init; } = 256 << 10;

    public int Mss { get; init; } = 1448;

    public bool Nagle { get; init; } = true;

    /// <summary>How many bytes before the wrap of the sequence space the streams begin.</summary>
    public uint BeforeWrap { get; init; } = 1 << 20;

    /// <summary>Where both ends' received bytes go; without bounds when null.</summary>
    public ChunkPool? ReceivePool { get; init; }

    public int MaxBurst { get; init; } = TcpEngine.MaxSuperSegment;
}

/// <summary>An engine, its owner and its application at one end of a <see cref="LossyPipe"/>.</summary>
internal sealed class PipeEnd : IDisposable
{
    private static readonly ManagedChunkPool Pool = new();

    private readonly string _name;
    private readonly Random _random;
    private readonly PipeSettings _settings;
    private readonly byte[] _source;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly TransmitQueue _output = new();
    private readonly SendBuffer _send = new(Pool, 512 << 10);
    private readonly ReceiveBuffer _receive;
    private readonly SeqNum _peerFirst;
    private SegmentVariants _slot;
    private int _written;
    private int _read;

    // The furthest right edge that any segment has told this end.
    private SeqNum _permitted;

    public PipeEnd(string name, Random random, PipeSettings settings, bool isFirst)
    {
        _name = name;
        _random = random;
        _settings = settings;
        _source = new byte[settings.Bytes];
        random.NextBytes(_source);
        _receive = new ReceiveBuffer(settings.ReceivePool ?? Pool, settings.ReceiveBuffer);
        var low = new SeqNum(0u - settings.BeforeWrap);
        SeqNum first = isFirst ? low : low + 12345;
        _peerFirst = isFirst ? low + 12345 : low;
        _send.Rebase(first);
        _receive.Rebase(_peerFirst);

        ConnectionInvariants connection = Setup.Connection with
        {
            SackPermitted = settings.Sack,
            TimestampsEnabled = settings.Timestamps,
            SendWindowScale = settings.WindowScale,
            ReceiveWindowScale = settings.WindowScale,
        };
        SegmentInvariants invariants = Setup.Invariants with { EffectiveMss = settings.Mss, NagleEnabled = settings.Nagle };
        uint window = Math.Min((uint)settings.ReceiveBuffer >> settings.WindowScale, ushort.MaxValue) << settings.WindowScale;
        _slot = Setup.Variants(first, _peerFirst, window, window) with
        {
            // The timestamp clock wraps within the first seconds.
            TsOffset = isFirst ? uint.MaxValue - 1500 : 77,
            IpId = 65000,
        };
        _permitted = first + window;
        Engine = new TcpEngine(connection, invariants, _slot, _send, _receive, _output) { MaxBurst = settings.MaxBurst };
    }

    public TcpEngine Engine { get; }

    /// <summary>Everything is written, sent and acknowledged, and everything of the peer's is read.</summary>
    public bool IsDone => _written == _settings.Bytes && _read == _settings.Bytes && _send.Count == 0;

    public int Crashes { get; private set; }

    public void Receive(PeerSegment segment, Microseconds now)
    {
        _permitted = SeqNum.Max(_permitted, segment.Ack + ((uint)segment.Window << _settings.WindowScale));
        Verdict verdict = Engine.Receive(segment.ToSegment(), now);
        Assert.NotEqual(VerdictKind.UploadRequired, verdict.Kind);
    }

    public void RunApplication()
    {
        if (_random.Next(3) != 0 && _written < _settings.Bytes)
        {
            int count = Math.Min(_random.Next(4) == 0 ? _random.Next(1, 100) : _random.Next(1, 200_000), _settings.Bytes - _written);
            _written += _send.Write(_source.AsSpan(_written, count));
        }

        if (_random.Next(3) != 0)
        {
            int count = Math.Min(_receive.Unread, _random.Next(1, 200_000));
            foreach (ReadOnlyMemory<byte> piece in _receive.GetReadable().Slice(0, count))
            {
                _hash.AppendData(piece.Span);
            }

            _receive.Consume(count);
            _read += count;
        }
    }

    public void Crash(Microseconds now)
    {
        Crashes++;
        Engine.Restore(_slot, now);
    }

    /// <summary>
    /// Commits, and cuts what was queued into segments of the wire; some neighbours stay together, as a receiver's link merges
    /// them.
    /// </summary>
    public List<PeerSegment> Commit()
    {
        _slot = Engine.Variants;
        List<PeerSegment> wire = [];
        foreach (OutgoingSegment segment in _output.Segments)
        {
            AssertMaySend(segment);
            int at = 0;
            do
            {
                int pieces = _random.Next(4) == 0 ? _random.Next(1, 20) : 1;
                int length = Math.Min(segment.Length - at, segment.SegmentSize * pieces);
                byte[] payload = new byte[length];
                _send.CopyTo(segment.Seq + at, length == 0 ? [] : payload);
                bool isLast = at + length == segment.Length;
                wire.Add(new PeerSegment
                {
                    Seq = segment.Seq + at,
                    Ack = segment.Ack,
                    Flags = isLast ? segment.Flags : segment.Flags & ~TcpFlags.Psh,
                    Window = segment.Window,
                    Payload = payload,
                    Count = Math.Max(1, (length + segment.SegmentSize - 1) / segment.SegmentSize),
                    TsVal = _settings.Timestamps ? segment.TsVal : null,
                    TsEcr = segment.TsEcr,
                    Sack = [.. Enumerable.Range(0, segment.Sack.Count).Select(i => segment.Sack[i])],
                });
                at += length;
            }
            while (at < segment.Length);
        }

        _output.Clear();
        _receive.Commit(_slot.RcvNxt);
        _send.FreeTo(_slot.SndUna);
        return wire;
    }

    public void AssertReceivedAllOf(PipeEnd other) => Assert.Equal(SHA256.HashData(other._source), _hash.GetHashAndReset());

    public override string ToString() =>
        $"{_name}: written {_written}, read {_read}, una {_slot.SndUna} nxt {_slot.SndNxt} max {_slot.SndMax} wnd {_slot.SndWnd} "
        + $"cwnd {_slot.CongestionWindow} {_slot.Recovery}, rcv {_slot.RcvNxt} wnd {_slot.RcvWnd}, rto at {_slot.RetransmitAt}, persist at {_slot.PersistAt}";

    public void Dispose()
    {
        _send.Dispose();
        _receive.Dispose();
        _hash.Dispose();
    }

    // RFC 9293 3.8.6: never a byte beyond the window, but for the one octet that probes a closed one (3.8.6.1).
    private void AssertMaySend(in OutgoingSegment segment)
    {
        SeqNum end = segment.Seq + segment.Length;
        bool isProbe = segment.Length == 1 && _slot.SndWnd == 0;
        Assert.True(segment.Length == 0 || isProbe || end <= _permitted, $"{end} is beyond the window's edge {_permitted}: {this}");
        Assert.True(segment.Length <= TcpEngine.MaxSuperSegment);
        int sack = segment.Sack.Count == 0 || segment.Length == 0 ? 0 : 4 + (8 * segment.Sack.Count);
        Assert.True(segment.Length == 0 || segment.SegmentSize + sack <= _settings.Mss);
        int options = (_settings.Timestamps ? 12 : 0) + (segment.Sack.Count == 0 ? 0 : 4 + (8 * segment.Sack.Count));
        Assert.True(options <= 40);
    }
}
