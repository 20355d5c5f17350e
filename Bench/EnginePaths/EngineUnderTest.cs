using System.Net;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;

namespace TcpActors.Bench.EnginePaths;

/// <summary>An engine with its buffers and without anything around it: segments go in as values, what comes out is forgotten.</summary>
internal sealed class EngineUnderTest : IDisposable
{
    public const int Mss = 1448;

    private const byte WindowScale = 10;
    private const int BufferLimit = 16 << 20;

    private readonly ManagedChunkPool _pool = new();
    private Microseconds _now = new(1_000_000);
    private uint _tsVal = 1;

    public EngineUnderTest()
    {
        Send = new SendBuffer(_pool, BufferLimit);
        Receive = new ReceiveBuffer(_pool, BufferLimit);
        Engine = new TcpEngine(Connection, Segment, Fresh, Send, Receive, Output);
        Engine.StartAfterMove(_now);
        EndBatch();
    }

    public static ConnectionInvariants Connection { get; } = new()
    {
        Flow = new FlowKey(
            InternetAddress.From(IPAddress.Parse("10.0.0.1")), InternetAddress.From(IPAddress.Parse("10.0.0.2")), 7, 40000),
        InitialSendSequence = new SeqNum(0),
        InitialReceiveSequence = new SeqNum(0),
        SackPermitted = true,
        TimestampsEnabled = true,
        SendWindowScale = WindowScale,
        ReceiveWindowScale = WindowScale,
    };

    public static SegmentInvariants Segment { get; } = new()
    {
        Neighbor = new Neighbor { SourceMac = default, Mac = default },
        Path = new NetworkPath { Mtu = 1500 },
        EffectiveMss = Mss,
    };

    /// <summary>Nothing in flight, and windows that hold nothing back.</summary>
    public static SegmentVariants Fresh { get; } = SegmentVariants.Quiet with
    {
        SndWnd = BufferLimit,
        MaxWindow = BufferLimit,
        RcvWnd = BufferLimit,
        CongestionWindow = BufferLimit,
    };

    public TcpEngine Engine { get; }

    public SendBuffer Send { get; }

    public ReceiveBuffer Receive { get; }

    public TransmitQueue Output { get; } = new();

    public Microseconds Now => _now;

    /// <summary>A segment of the peer's.</summary>
    /// <param name="seq">Where it stands.</param>
    /// <param name="ack">What it acknowledges.</param>
    /// <param name="payload">May be empty.</param>
    public void Give(SeqNum seq, SeqNum ack, ReadOnlySpan<byte> payload)
    {
        var segment = new TcpSegment
        {
            Seq = seq,
            Ack = ack,
            Flags = TcpFlags.Ack,
            Window = BufferLimit >> WindowScale,
            Options = new TcpOptions { HasTimestamps = true, TsVal = _tsVal++, TsEcr = (uint)(_now.Value / 1000) },
            Payload = payload,
        };
        Engine.Receive(in segment, _now);
        _now += new Microseconds(1);
    }

    /// <summary>What an actor does at the end of a batch, without the link; the application has read everything.</summary>
    public void EndBatch()
    {
        Engine.Transmit(_now);
        Receive.Commit(Engine.Variants.RcvNxt);
        if (Receive.Unread > 0)
        {
            Receive.Consume(Receive.Unread);
        }

        Output.Clear();
    }

    public void Dispose()
    {
        Send.Dispose();
        Receive.Dispose();
    }
}
