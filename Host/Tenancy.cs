using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <summary>Who owns a connection's variables, as the host supervisor sees it.</summary>
internal enum Ownership : byte
{
    Host,
    LeavingHost,
    Toe,
    ReturningToHost,
}

/// <summary>The host supervisor's book on one connection. Used by that actor only.</summary>
internal sealed class Tenancy(Connection connection, SharedInvariants shared)
{
    private List<(bool ToToe, MoveTicket Ticket)>? _tickets;
    private List<ForwardedSegment>? _strays;
    private Microseconds _moveBegan;
    private bool _wasAtToe;

    public Connection Connection { get; } = connection;

    public Ownership Owner
    {
        get;
        set
        {
            NoteMove(field, value);
            field = value;
        }
    }

    public Epoch Epoch
    {
        get => Connection.Epoch;
        set => Connection.Epoch = value;
    }

    /// <summary>The TOE gave it back because the peer does not answer any more.</summary>
    public bool IsPeerGone { get; set; }

    /// <summary>Where the connection is or is going; null while the host has it.</summary>
    public ToeUnit? Toe { get; set; }

    public ConnectionInvariants? Invariants { get; private set; }

    /// <summary>The newest version, which the host wrote; one object for all connections for which it is the same.</summary>
    public SegmentInvariants? Segment
    {
        get;
        set => field = value is null ? null : shared.Of(value);
    }

    public FlowKey Flow => Invariants!.Flow;

    public string? LastRefusal { get; set; }

    /// <summary>Why a TOE did not take the connection, until it is back in the stack.</summary>
    public string? RefusedByToe { get; set; }

    /// <summary>Whether there is an upload that must be: the TOE has asked for it, or the peer is reached over another interface.</summary>
    public bool MustReturn { get; set; }

    /// <summary>Whether the TOE has offered it back and waits for an answer.</summary>
    public bool IsOffered { get; set; }

    /// <summary>Whether the stack has no way to its peer at present, so that it could not take the connection back.</summary>
    public bool IsCutOff { get; set; }

    /// <summary>Whether the socket is still the application's, which keeps it if the offload is refused.</summary>
    public bool IsGuest { get; set; }

    /// <summary>Whether it was last moved with many others in one go.</summary>
    public bool IsOneOfMany { get; set; }

    /// <summary>Whether it waits in the <see cref="MoveQueue"/>.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Belongs to the <see cref="MoveQueue"/>; 0 when no move is under way.</summary>
    public int MoveRound { get; set; }

    public EndKind WantedEnd { get; set; }

    public EndKind DoneEnd { get; set; }

    /// <summary>Of its segment-invariant variables. Versions go on growing over all moves of a connection.</summary>
    public uint NextVersion => (Segment?.Version ?? 0) + 1;

    /// <summary>What the application has changed and its owner has not taken yet; null: nothing.</summary>
    public PendingSettings? Settings { get; set; }

    /// <summary>Who waits for which move.</summary>
    public List<(bool ToToe, MoveTicket Ticket)> Tickets => _tickets ??= [];

    /// <summary>Whether anybody does.</summary>
    public bool IsAwaited => _tickets is not null;

    /// <summary>Segments that came to the stack and are to follow the connection.</summary>
    public List<ForwardedSegment> Strays => _strays ??= [];

    /// <returns>The <see cref="Strays"/>, of which there are none any more.</returns>
    public List<ForwardedSegment>? TakeStrays()
    {
        List<ForwardedSegment>? strays = _strays;
        _strays = null;
        return strays;
    }

    public void Take(ToeUnit toe, TakeOut.Taken taken)
    {
        Toe = toe;
        (Invariants, Segment) = (taken.Connection, taken.Segment);
    }

    /// <summary>The connection is where these tickets want it, without a move, or cannot get there.</summary>
    public void Settle(bool toToe, string? refusal) => Settle(toToe, ticket =>
    {
        if (refusal is null)
        {
            ticket.Unmoved();
        }
        else
        {
            ticket.Refused(new Refusal(Connection.Id, refusal));
        }
    });

    /// <summary>The connection has moved there.</summary>
    public void SettleMoved(bool toToe) => Settle(toToe, ticket => ticket.Moved());

    /// <summary>The connection has ended.</summary>
    public void SettleAll()
    {
        Settings?.Fail();
        Settle(toToe: true, refusal: null);
        Settle(toToe: false, refusal: null);
    }

    public string OwnerName(string stackName) => Owner switch
    {
        Ownership.Host => stackName,
        Ownership.Toe => Toe!.Name,
        _ => "moving",
    };

    /// <summary>What the book says of it, for a report.</summary>
    /// <param name="stackName">What the host's stack is called.</param>
    /// <param name="segment">The newest version of its segment-invariant variables.</param>
    public Booking Book(string stackName, SegmentInvariants? segment) =>
        new(Connection, OwnerName(stackName), Owner, Toe, Epoch, Invariants, segment, LastRefusal);

    /// <summary>A move begins, or has ended. One that a TOE refused, or the stack, was none.</summary>
    private void NoteMove(Ownership before, Ownership next)
    {
        bool isAtRest = next is Ownership.Host or Ownership.Toe;
        if (before is Ownership.Host or Ownership.Toe)
        {
            _moveBegan = isAtRest ? _moveBegan : Connection.Clock.Now;
        }
        else if (isAtRest && _wasAtToe != (next == Ownership.Toe))
        {
            _wasAtToe = next == Ownership.Toe;
            Connection.Meter.NoteMove(_moveBegan, Connection.Clock.Now);
        }
    }

    private void Settle(bool toToe, Action<MoveTicket> how)
    {
        if (_tickets is not { } tickets)
        {
            return;
        }

        for (int i = tickets.Count - 1; i >= 0; i--)
        {
            if (tickets[i].ToToe == toToe)
            {
                how(tickets[i].Ticket);
                tickets.RemoveAt(i);
            }
        }

        _tickets = tickets.Count == 0 ? null : tickets;
    }
}
