using System.Text;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>
/// An engine that talks to a scripted peer on a manual clock. Our first byte is <see cref="Ours"/>, the peer's is <see cref="Theirs"/>; the
/// MSS is 1000 and window fields are not scaled unless a spec says otherwise. Each step goes to its time, firing every deadline on the
/// way, and does what the owner does: engine, commit, flush.
/// </summary>
internal sealed class Conversation : IDisposable
{
    public const uint Ours = 1000;
    public const uint Theirs = 5000;
    public const int Mss = 1000;

    private readonly ManagedChunkPool _pool;
    private readonly TransmitQueue _output = new();
    private readonly Queue<Sent> _sent = new();
    private readonly List<string> _log = [];
    private SegmentVariants _slot;
    private int _delivered;

    public Conversation(
        ConnectionInvariants? connection = null,
        SegmentInvariants? invariants = null,
        Func<SegmentVariants, SegmentVariants>? variants = null,
        ushort window = 50000,
        int receiveBuffer = 20000,
        SeqNum? ours = null,
        SeqNum? theirs = null,
        ManagedChunkPool? pool = null)
    {
        First = ours ?? new SeqNum(Ours);
        PeerFirst = theirs ?? new SeqNum(Theirs);
        Window = window;
        _pool = pool ?? new ManagedChunkPool();
        SendBuffer = new SendBuffer(_pool, 1 << 20);
        ReceiveBuffer = new ReceiveBuffer(_pool, receiveBuffer);
        SendBuffer.Rebase(First);
        ReceiveBuffer.Rebase(PeerFirst);
        connection ??= Setup.Connection;
        SegmentVariants start = Setup.Variants(First, PeerFirst, (uint)window << connection.SendWindowScale, (uint)receiveBuffer);
        start.CongestionWindow = 100 * Mss;
        _slot = variants is null ? start : variants(start);
        Engine = new TcpEngine(connection, invariants ?? Setup.Invariants, _slot, SendBuffer, ReceiveBuffer, _output);
    }

    public TcpEngine Engine { get; }

    public SendBuffer SendBuffer { get; }

    public ReceiveBuffer ReceiveBuffer { get; }

    public SegmentVariants V => Engine.Variants;

    public Microseconds Now { get; private set; }

    /// <summary>The peer's window field in the segments that name none.</summary>
    public ushort Window { get; set; }

    /// <summary>The answer to the last segment or the last deadline.</summary>
    public Verdict Verdict { get; private set; }

    /// <summary>How often the application was woken.</summary>
    public int Deliveries => _delivered;

    private SeqNum First { get; }

    private SeqNum PeerFirst { get; }

    /// <summary>The byte that stands at a sequence number, in either direction.</summary>
    public static byte ByteAt(SeqNum seq) => (byte)((seq.Value * 31) ^ (seq.Value >> 8));

    public static byte[] BytesAt(SeqNum seq, int count) => [.. Enumerable.Range(0, count).Select(i => ByteAt(seq + i))];

    /// <summary>
    /// A segment of the peer's; <paramref name="seq"/> and <paramref name="ack"/> count from the first byte of their side.
    /// </summary>
    public PeerSegment Ack(
        int ack = 0,
        int seq = 0,
        int length = 0,
        int? window = null,
        TcpFlags flags = TcpFlags.None,
        uint? tsVal = null,
        uint tsEcr = 0) => new()
        {
            Seq = PeerFirst + seq,
            Ack = First + ack,
            Flags = TcpFlags.Ack | flags,
            Payload = BytesAt(PeerFirst + seq, length),
            Window = (ushort)(window ?? Window),
            TsVal = tsVal,
            TsEcr = tsEcr,
        };

    /// <summary>
    /// An acknowledgement that reports bytes as received (RFC 2018), or, before <paramref name="ack"/>, as received twice (RFC 2883); the blocks count as
    /// <paramref name="ack"/> does and are sent in this order.
    /// </summary>
    public PeerSegment Sack(int ack, params (int Left, int Right)[] blocks) =>
        Ack(ack) with { Sack = [.. blocks.Select(b => new SackBlock(First + b.Left, First + b.Right))] };

    /// <summary>Data of the peer's that acknowledges <paramref name="ack"/>.</summary>
    public PeerSegment Data(
        int seq, int length, int ack = 0, TcpFlags flags = TcpFlags.None, int count = 1, uint? tsVal = null, uint tsEcr = 0) =>
        Ack(ack, seq, length, flags: flags, tsVal: tsVal, tsEcr: tsEcr) with { Count = count };

    public Verdict Receives(Microseconds t, params PeerSegment[] batch)
    {
        GoTo(t);
        foreach (PeerSegment segment in batch)
        {
            Verdict = Engine.Receive(segment.ToSegment(), Now);
            _log.Add(
                $"{Now} <- seq {segment.Seq - PeerFirst} ack {segment.Ack - First} {segment.Payload.Length} bytes window {segment.Window} "
                + $"{segment.Flags}: {Verdict}");
        }

        EndBatch();
        return Verdict;
    }

    /// <summary>The application writes.</summary>
    public void Writes(Microseconds t, int count)
    {
        GoTo(t);
        Assert.Equal(count, SendBuffer.Write(BytesAt(SendBuffer.End, count)));
        EndBatch();
    }

    /// <summary>The application reads, and checks what it reads.</summary>
    public void Reads(Microseconds t, int count)
    {
        GoTo(t);
        Assert.True(ReceiveBuffer.Unread >= count, $"{ReceiveBuffer.Unread} bytes are readable, not {count}.{Log}");
        SeqNum at = ReceiveBuffer.Read;
        byte[] read = new byte[count];
        System.Buffers.BuffersExtensions.CopyTo(ReceiveBuffer.GetReadable().Slice(0, count), read);
        Assert.Equal(BytesAt(at, count), read);
        ReceiveBuffer.Consume(count);
        EndBatch();
    }

    public void StartsAfterMove(Microseconds t)
    {
        GoTo(t);
        Engine.StartAfterMove(Now);
        EndBatch();
    }

    public void Updates(Microseconds t, Func<SegmentInvariants, SegmentInvariants> change)
    {
        GoTo(t);
        Engine.Update(change(Engine.Invariants), Now);
        EndBatch();
    }

    public void Stops(Microseconds t)
    {
        GoTo(t);
        Engine.Stop();
        EndBatch();
    }

    /// <summary>A batch fails after the engine has worked on it and before the commit.</summary>
    public void CrashesOver(Microseconds t, params PeerSegment[] batch)
    {
        GoTo(t);
        foreach (PeerSegment segment in batch)
        {
            Engine.Receive(segment.ToSegment(), Now);
        }

        Engine.Transmit(Now);
        Engine.Restore(_slot, Now);
        EndBatch();
    }

    /// <summary>Goes on to <paramref name="t"/>, firing what is due.</summary>
    public void GoTo(Microseconds t)
    {
        Assert.True(t >= Now, $"The clock does not go back: {t} after {Now}.");
        for (int fired = 0; Engine.NextDeadline <= t; fired++)
        {
            Assert.True(fired < 100_000, $"The same deadline fires again and again.{Log}");
            Now = Microseconds.Max(Now, Engine.NextDeadline);
            Verdict verdict = Engine.Fire(Now);
            if (verdict.Kind == VerdictKind.UploadRequired)
            {
                Verdict = verdict;
                _log.Add($"{Now} deadline: {verdict}");
            }

            EndBatch();
        }

        Now = t;
    }

    /// <summary>The owner comes late: what was due on the way is done at <paramref name="until"/>.</summary>
    public void Oversleeps(Microseconds until)
    {
        Now = until;
        Verdict = Engine.Fire(Now);
        EndBatch();
    }

    /// <summary>
    /// The next segment sent that no step has named yet; what is given is compared. <paramref name="seq"/> and <paramref name="ack"/>
    /// count as in
    /// <see cref="Ack"/>.
    /// </summary>
    public OutgoingSegment Sends(
        Microseconds t,
        int? seq = null,
        int? ack = null,
        int length = 0,
        int? window = null,
        TcpFlags? flags = null,
        int? segmentSize = null,
        (int Left, int Right)[]? sack = null)
    {
        if (_sent.Count == 0)
        {
            GoTo(t);
        }

        Assert.True(_sent.TryDequeue(out Sent? sent), $"Nothing was sent by {t}.{Log}");
        OutgoingSegment s = sent.Segment;
        string expectation = $"Expected at {t}: seq {seq} ack {ack} {length} bytes window {window} {flags}; sent: {Describe(sent)}.{Log}";
        Assert.True(sent.At == t, expectation);
        Assert.True(seq is null || s.Seq - First == seq, expectation);
        Assert.True(ack is null || s.Ack - PeerFirst == ack, expectation);
        Assert.True(s.Length == length, expectation);
        Assert.True(window is null || s.Window == window, expectation);
        Assert.True(flags is null || s.Flags == flags, expectation);
        Assert.True(segmentSize is null || s.SegmentSize == segmentSize, expectation);
        if (sack is not null)
        {
            IEnumerable<SackBlock> blocks = Enumerable.Range(0, s.Sack.Count).Select(i => s.Sack[i]);
            Assert.Equal(sack, blocks.Select(b => (b.Left - PeerFirst, b.Right - PeerFirst)));
        }

        return s;
    }

    /// <summary>Everything sent so far has been named, and nothing more is sent before <paramref name="until"/>.</summary>
    public void SendsNothing(Microseconds? until = null)
    {
        GoTo(until is { } t ? t - new Microseconds(1) : Now);
        Assert.True(_sent.Count == 0, $"Sent unexpectedly: {(_sent.TryPeek(out Sent? sent) ? Describe(sent) : "")}.{Log}");
    }

    /// <summary>Whatever was sent so far is of no interest.</summary>
    public int Forgets()
    {
        int count = _sent.Count;
        _sent.Clear();
        return count;
    }

    public void Dispose()
    {
        SendBuffer.Dispose();
        ReceiveBuffer.Dispose();
    }

    private string Log => Environment.NewLine + string.Join(Environment.NewLine, _log);

    private string Describe(Sent sent)
    {
        OutgoingSegment s = sent.Segment;
        StringBuilder text = new();
        text.Append($"{sent.At} -> seq {s.Seq - First} ack {s.Ack - PeerFirst} {s.Length} bytes ({s.SegmentSize}) ");
        text.Append($"window {s.Window} {s.Flags}");
        for (int i = 0; i < s.Sack.Count; i++)
        {
            text.Append($" sack {s.Sack[i].Left - PeerFirst}-{s.Sack[i].Right - PeerFirst}");
        }

        return text.ToString();
    }

    private void EndBatch()
    {
        Engine.Transmit(Now);
        _slot = Engine.Variants;
        ReceiveBuffer.Commit(_slot.RcvNxt);
        SendBuffer.FreeTo(_slot.SndUna);
        _delivered += Engine.ShouldDeliver ? 1 : 0;
        foreach (ref readonly OutgoingSegment segment in _output.Segments)
        {
            if (segment.Length > 0)
            {
                byte[] payload = new byte[segment.Length];
                SendBuffer.CopyTo(segment.Seq, payload);
                Assert.Equal(BytesAt(segment.Seq, payload.Length), payload);
            }

            Sent sent = new(Now, segment);
            _log.Add(Describe(sent));
            _sent.Enqueue(sent);
        }

        _output.Clear();
    }

    private sealed record Sent(Microseconds At, OutgoingSegment Segment);
}
