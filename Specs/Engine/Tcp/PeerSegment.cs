using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>A segment of the peer's, as a conversation states it.</summary>
internal sealed record PeerSegment
{
    public required SeqNum Seq { get; init; }

    public required SeqNum Ack { get; init; }

    public TcpFlags Flags { get; init; } = TcpFlags.Ack;

    public byte[] Payload { get; init; } = [];

    public ushort Window { get; init; }

    public ushort UrgentPointer { get; init; }

    public int Count { get; init; } = 1;

    public uint? TsVal { get; init; }

    public uint TsEcr { get; init; }

    public SackBlock[] Sack { get; init; } = [];

    /// <summary>Options that belong to a SYN.</summary>
    public ushort? Mss { get; init; }

    /// <inheritdoc cref="Mss"/>
    public byte? WindowScale { get; init; }

    /// <summary>The ECN bits of the packet.</summary>
    public byte Ecn { get; init; }

    public TcpSegment ToSegment()
    {
        TcpOptions options = new()
        {
            HasTimestamps = TsVal is not null,
            TsVal = TsVal ?? 0,
            TsEcr = TsEcr,
            Mss = Mss,
            WindowScale = WindowScale,
        };
        foreach (SackBlock block in Sack)
        {
            options.Sack.Add(block);
        }

        return new TcpSegment
        {
            Seq = Seq,
            Ack = Ack,
            Flags = Flags,
            Window = Window,
            UrgentPointer = UrgentPointer,
            Options = options,
            Payload = Payload,
            SegmentCount = Count,
            Ecn = Ecn,
        };
    }
}
