using System.Net;
using Akka.Actor;
using TcpActors.Engine.State;
using TcpActors.HostSide.Managed;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>What a <see cref="ManagedPair"/> is like.</summary>
internal sealed record ManagedPairOptions
{
    public bool IPv6 { get; init; }

    public MacEncapsulation Encapsulation { get; init; }

    public InMemoryLinkOptions Link { get; init; } = new();

    public HandshakeOptions HandshakeA { get; init; } = new();

    public HandshakeOptions HandshakeB { get; init; } = new();

    /// <summary>Any other change to either side's options.</summary>
    public Func<ManagedStackOptions, ManagedStackOptions> Change { get; init; } = static options => options;
}

/// <summary>
/// Two managed stacks joined by an in-memory link; A listens on port 80, B connects. One thread plays both receiving threads, on a clock
/// that only the spec moves.
/// </summary>
internal sealed class ManagedPair : IDisposable
{
    private readonly World? _world;
    private readonly InMemoryLinkPair _cable;

    /// <param name="options">What it is like.</param>
    /// <param name="system">Where the TOEs run that share the links with the stacks; null: there are none.</param>
    /// <param name="time">The time; null: a clock that only the spec moves.</param>
    public ManagedPair(ManagedPairOptions? options = null, ActorSystem? system = null, TimeProvider? time = null)
    {
        if (time is null)
        {
            _world = new World(1, start: Microseconds.FromSeconds(1000));
            time = _world.Time;
        }

        options ??= new ManagedPairOptions();
        _cable = new InMemoryLinkPair(options.Link);
        IPAddress a = IPAddress.Parse(options.IPv6 ? "fd00::a" : "10.0.0.1");
        IPAddress b = IPAddress.Parse(options.IPv6 ? "fd00::b" : "10.0.0.2");
        A = new ManagedSide(_cable.A, time, a, options, options.HandshakeA, system);
        B = new ManagedSide(_cable.B, time, b, options, options.HandshakeB, system);
        A.Stack.SetNeighbor(b, _cable.B.Address);
        B.Stack.SetNeighbor(a, _cable.A.Address);
        Listener = A.Stack.Listen(new IPEndPoint(a, 80), backlog: 4);
    }

    public ManagedSide A { get; }

    public ManagedSide B { get; }

    public ManagedListener Listener { get; }

    public Microseconds Now => A.Stack.Now;

    /// <summary>B connects to A; the same name seen from A is the reverse.</summary>
    public Task<ManagedHalf> Connect() => B.Stack.ConnectAsync(Listener.Local);

    /// <summary>An established connection, both ends started.</summary>
    public (ManagedEnd A, ManagedEnd B) Establish()
    {
        Task<ManagedHalf> connecting = Connect();
        Settle();
        ManagedHalf atA = default!;
        for (int i = 0; !(connecting.IsCompleted && Listener.TryAccept(out atA!)); i++)
        {
            Assert.True(i < 100 && StepToNextDeadline(), "the handshake does not end");
        }

        var ends = (new ManagedEnd(A, atA), B.EndOf(connecting));
        Settle();
        return ends;
    }

    /// <summary>Runs both sides until neither has anything to do at this moment.</summary>
    public void Settle()
    {
        for (int quiet = 0; quiet < 2;)
        {
            quiet = A.Step() + B.Step() == 0 ? quiet + 1 : 0;
        }
    }

    /// <summary>Goes to the next deadline of either side and settles.</summary>
    /// <returns>False when no timer runs.</returns>
    public bool StepToNextDeadline()
    {
        Microseconds next = Microseconds.Min(A.Wheel.Earliest, B.Wheel.Earliest);
        if (next.IsNever)
        {
            return false;
        }

        _world!.RunFor(Microseconds.Max(next - Now, Microseconds.Zero));
        Settle();
        return true;
    }

    /// <summary>Lets time pass in which neither side gets to look at the wire or at its timers.</summary>
    public void Wait(Microseconds span) => _world!.RunFor(span);

    /// <summary>Lets time pass, stopping at each deadline on the way.</summary>
    public void Pass(Microseconds span)
    {
        Microseconds until = Now + span;
        while (Microseconds.Min(A.Wheel.Earliest, B.Wheel.Earliest) <= until)
        {
            StepToNextDeadline();
        }

        _world!.RunFor(until - Now);
        Settle();
    }

    public void Dispose()
    {
        A.Stack.Dispose();
        B.Stack.Dispose();
        A.Loop.Dispose();
        B.Loop.Dispose();
        _cable.Dispose();
        _world?.Dispose();
    }
}
