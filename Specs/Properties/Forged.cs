using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Properties;

/// <summary>What a forged sequence number is near.</summary>
internal enum SeqEdge
{
    /// <summary>RCV.NXT.</summary>
    Next,

    /// <summary>RCV.NXT + RCV.WND.</summary>
    WindowEnd,

    /// <summary>Half of the sequence space away.</summary>
    FarSide,
}

/// <summary>What a forged acknowledgement number is near.</summary>
internal enum AckEdge
{
    /// <summary>SND.UNA.</summary>
    Una,

    /// <summary>SND_MAX.</summary>
    Max,

    /// <summary>SND.UNA - MAX.SND.WND (RFC 5961 5.2).</summary>
    OldestAcceptable,

    /// <summary>Half of the sequence space away.</summary>
    FarSide,
}

/// <summary>Which timestamps a forged segment has.</summary>
internal enum Stamp
{
    None,

    /// <summary>TSval near TS.Recent.</summary>
    Recent,

    /// <summary>TSval half of the space away.</summary>
    FarSide,
}

/// <summary>
/// A segment of somebody who knows, more or less, where the connection stands: its numbers are given by their distance from the edges that decide
/// what becomes of it.
/// </summary>
internal sealed record Forged
{
    public required SeqEdge SeqEdge { get; init; }

    public required int SeqOffset { get; init; }

    /// <summary>Whether the offset is that of its end: of what comes after its last byte.</summary>
    public required bool CountsFromEnd { get; init; }

    public required int Length { get; init; }

    public required AckEdge AckEdge { get; init; }

    public required int AckOffset { get; init; }

    public required TcpFlags Flags { get; init; }

    public required ushort UrgentPointer { get; init; }

    /// <summary>The field.</summary>
    public required ushort Window { get; init; }

    public required Stamp Stamp { get; init; }

    public required int StampOffset { get; init; }

    /// <summary>TSecr: how far before our clock; negative: zero.</summary>
    public required int EchoAge { get; init; }

    /// <summary>Blocks, counted from SND.UNA.</summary>
    public required (int Left, int Length)[] Sack { get; init; }

    public override string ToString() =>
        $"{(CountsFromEnd ? "end" : "seq")} {SeqEdge}{SeqOffset:+0;-0} {Length} bytes ack {AckEdge}{AckOffset:+0;-0} {Flags}"
        + (Flags.HasFlag(TcpFlags.Urg) ? $" {UrgentPointer}" : "") + $" window {Window} ts {Stamp}{StampOffset:+0;-0} echo {EchoAge}"
        + string.Concat(Sack.Select(static block => $" sack {block.Left}+{block.Length}"));
}

/// <summary>Something that happens to an engine with a forged peer.</summary>
internal abstract record Turn
{
    public sealed record Receives(Forged Segment) : Turn
    {
        public override string ToString() => $"receives {Segment}";
    }

    /// <summary>So many single bytes of the stream, with a hole before each: nothing costs more memory.</summary>
    public sealed record Floods(int Count) : Turn
    {
        public override string ToString() => $"receives {Count} single bytes";
    }

    /// <summary>Time passes; timers run out.</summary>
    public sealed record Waits(Microseconds Span) : Turn
    {
        public override string ToString() => $"waits {Span}";
    }

    public sealed record Writes(int Bytes) : Turn
    {
        public override string ToString() => $"writes {Bytes} bytes";
    }

    public sealed record Reads(int Piece, Microseconds Pause) : Turn
    {
        public override string ToString() => $"reads {Piece} bytes at a time, {Pause} apart";
    }

    public sealed record Moves(Way Way, Microseconds ClockAhead) : Turn
    {
        public override string ToString() => $"moves {(Way == Way.Kernel ? "through the kernel" : "to another TOE")}, to a clock {ClockAhead} ahead";
    }

    /// <summary>The next batch fails before its commit.</summary>
    public sealed record Crashes : Turn
    {
        public override string ToString() => "crashes";
    }

    public sealed record PathMtu(int Mtu) : Turn
    {
        public override string ToString() => $"path MTU is {Mtu}";
    }
}
