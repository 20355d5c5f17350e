using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>What one direction of a cable is like.</summary>
internal sealed record CableOptions
{
    /// <summary>Bit/s; 0: as fast as frames come.</summary>
    public long Rate { get; init; }

    /// <summary>Time that a bit takes from one end to the other.</summary>
    public Microseconds Delay { get; init; } = new(500);

    /// <summary>
    /// Up to this much more, drawn for each frame; frames stay in order. Breaks the lock-step of flows that share a queue.
    /// </summary>
    public Microseconds Jitter { get; init; }

    /// <summary>Bytes that may wait before the bottleneck (<see cref="Simulation.Bottleneck"/>).</summary>
    public int QueueBytes { get; init; } = 1 << 20;

    /// <summary>Bytes waiting from which on frames of ECN-capable senders are marked CE; 0: never.</summary>
    public int MarkAbove { get; init; }

    /// <summary>The largest IP packet.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>
    /// What both ends' links offer. With offloads a super-segment travels whole, as over a veth pair: one frame, one fate, its length what
    /// counts for the rate.
    /// </summary>
    public LinkCapabilities Capabilities { get; init; }

    /// <summary>A queue shared with other cables, instead of one with this rate and these bytes; null: one of its own.</summary>
    public Bottleneck? Bottleneck { get; init; }
}

/// <summary>
/// A cable between two links in virtual time: each direction has a rate, a delay and a drop-tail queue. Frames arrive in order, whole and
/// once; <see cref="FaultyLink"/> is for the rest.
/// </summary>
internal sealed class SimulatedCable : IDisposable
{
    private readonly SimulatedLink _a;
    private readonly SimulatedLink _b;

    /// <param name="world">Whose time it is.</param>
    /// <param name="name">Its ends are named for it: <c>name-a</c>, <c>name-b</c>.</param>
    /// <param name="forward">From A to B.</param>
    /// <param name="back">From B to A; null: the same again, with a queue of its own.</param>
    public SimulatedCable(World world, string name, CableOptions forward, CableOptions? back = null)
    {
        back ??= forward with { Bottleneck = null };
        FrameStore store = new();
        Forward = QueueOf(world, forward);
        Back = QueueOf(world, back);
        byte[] address = [0x02, 0, 0, 0, 0, 0];
        world.Dice.Fork($"{name} address").Fill(address.AsSpan(1, 4));
        address[5] = 0x0a;
        MacAddress addressOfA = new(address);
        address[5] = 0x0b;
        _a = new SimulatedLink(world, store, $"{name}-a", addressOfA, forward, Forward);
        _b = new SimulatedLink(world, store, $"{name}-b", new MacAddress(address), back, Back);
        _a.Connect(_b);
        _b.Connect(_a);
        world.Own(this);
    }

    public ILink A => _a;

    public ILink B => _b;

    /// <summary>The queue from A to B.</summary>
    public Bottleneck Forward { get; }

    public Bottleneck Back { get; }

    /// <summary>Whether the cable is plugged in; both ends are down while it is not, and what was in flight is lost.</summary>
    public bool HasCarrier
    {
        get => _a.HasCarrier;
        set => _a.HasCarrier = _b.HasCarrier = value;
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    private static Bottleneck QueueOf(World world, CableOptions options) =>
        options.Bottleneck ?? new Bottleneck(world, options.Rate, options.QueueBytes, options.MarkAbove);
}
