using TcpActors.Engine.State;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

internal enum Side
{
    A,
    B,
}

/// <summary>Where a move goes.</summary>
internal enum Way
{
    /// <summary>To another TOE: all variables travel.</summary>
    Toe,

    /// <summary>By way of the kernel (<see cref="KernelStay"/>).</summary>
    Kernel,
}

/// <summary>Something that happens to a connection or its path. Reads aloud.</summary>
internal abstract record Act
{
    /// <summary>The application has so much more to write, in pieces.</summary>
    public sealed record Writes(Side Side, int Bytes, int Piece, Microseconds Pause) : Act
    {
        public override string ToString() =>
            $"{Side} writes {Bytes} bytes" + (Piece < int.MaxValue ? $", {Piece} at a time, {Pause} apart" : "");
    }

    /// <summary>From now on the application reads so much at a time.</summary>
    public sealed record Reads(Side Side, int Piece, Microseconds Pause) : Act
    {
        public override string ToString() => $"{Side} reads {Piece} bytes at a time, {Pause} apart";
    }

    /// <summary>The application has written its last; its host sends the FIN behind it.</summary>
    public sealed record Closes(Side Side) : Act
    {
        public override string ToString() => $"{Side} closes";
    }

    /// <summary>The connection changes its owner: now, or as soon as a loss is being repaired.</summary>
    public sealed record Moves(Side Side, Way Way, Microseconds Pause, Microseconds ClockAhead, bool InRecovery) : Act
    {
        public override string ToString() =>
            $"{Side} moves {(Way == Way.Kernel ? "through the kernel" : "to another TOE")}{(InRecovery ? " in recovery" : "")}, "
            + $"{Pause} without an owner, to a clock {ClockAhead} ahead";
    }

    /// <summary>The next batch fails before its commit.</summary>
    public sealed record Crashes(Side Side) : Act
    {
        public override string ToString() => $"{Side} crashes";
    }

    /// <summary>The host learns of another path MTU.</summary>
    public sealed record PathMtu(Side Side, int Mtu) : Act
    {
        public override string ToString() => $"{Side}'s path MTU is {Mtu}";
    }

    /// <summary>The host learns of another next hop.</summary>
    public sealed record NextHop(Side Side) : Act
    {
        public override string ToString() => $"{Side} has another next hop";
    }

    /// <summary>The host learns that the path cannot be used, or can be again.</summary>
    public sealed record Path(Side Side, bool IsUsable) : Act
    {
        public override string ToString() => $"{Side}'s path is {(IsUsable ? "usable" : "broken")}";
    }

    /// <summary>What befalls the frames of one side from now on.</summary>
    public sealed record Weather(Side Side, Faults Faults) : Act
    {
        public override string ToString() => $"of {Side}'s frames: {new Scenario { Rtt = new Scenario().Rtt, Faults = Faults }}";
    }

    /// <summary>Nothing that one side sends arrives, for so long.</summary>
    public sealed record Blackout(Side Side, Microseconds Length) : Act
    {
        public override string ToString() => $"of {Side}'s frames none arrives for {Length}";
    }
}

/// <summary>An act, so long after the one before.</summary>
internal sealed record Step(Microseconds After, Act Act)
{
    public override string ToString() => $"after {After}: {Act}";
}

/// <summary>A connection over a path, and what happens to both until the network behaves.</summary>
/// <param name="Path">The path and the connection.</param>
/// <param name="Seed">Of everything that the acts leave open: which frame is lost, where sequence numbers begin.</param>
/// <param name="Steps">What happens.</param>
internal sealed record Schedule(Scenario Path, uint Seed, Step[] Steps)
{
    public override string ToString() => $"seed {Seed}, {Path}\n  {string.Join("\n  ", (IEnumerable<Step>)Steps)}";
}
