using TcpActors.Engine.State;

namespace TcpActors.Actors.Contract;

/// <summary>
/// Everything a host and a TOE say to each other. The messages are immutable and point into nobody's memory; the variables themselves
/// travel over the <see cref="TransferStack"/> of each direction, and the bytes stay in the host's <see cref="PostedBuffers"/>.
/// </summary>
public static class Toe
{
    /// <summary>Host to TOE.</summary>
    public static class Command
    {
        /// <summary>Doorbell: connections lie on the transfer stack to be pulled. One can stand for thousands.</summary>
        public sealed record Offload
        {
            public static Offload Doorbell { get; } = new();
        }

        /// <summary>
        /// New versions of segment-invariant variables: of next hops and paths, each for all connections that share it, and of single connections'.
        /// Answered with <see cref="Event.Updated"/>; what the TOE does not know is passed over.
        /// </summary>
        public sealed record Update
        {
            public IReadOnlyList<Neighbor> Neighbors { get; init; } = [];

            public IReadOnlyList<NetworkPath> Paths { get; init; } = [];

            public IReadOnlyList<InvariantsUpdate> Connections { get; init; } = [];
        }

        /// <summary>
        /// Nothing more is to be transmitted to these next hops and over these paths, until an <see cref="Update"/> with a later version says otherwise.
        /// Answered with <see cref="Event.Updated"/>.
        /// </summary>
        public sealed record Invalidate
        {
            public IReadOnlyList<NeighborVersion> Neighbors { get; init; } = [];

            public IReadOnlyList<PathVersion> Paths { get; init; } = [];
        }

        /// <summary>
        /// Asks for copies of these connections' variables; ownership stays. For each the sender gets <see cref="Event.Variables"/> or
        /// <see cref="Event.NotHere"/>. Null: how the TOE itself is, answered with <see cref="Event.StatisticsReport"/>.
        /// </summary>
        public sealed record Query(IReadOnlyList<ConnectionId>? Connections)
        {
            public static Query OfToe { get; } = new(Connections: null);
        }

        /// <summary>
        /// Segments that reached the host for connections which it has given away. They are taken like those that the link brought; one for a connection that is
        /// not here is lost, as a segment may be, and the sender gets <see cref="Event.NotHere"/>.
        /// </summary>
        public sealed record Forward(IReadOnlyList<ForwardedSegment> Segments);

        /// <summary>Gives these connections back. Each is answered over the stack with <see cref="Event.Uploaded"/> or with <see cref="Event.NotHere"/>.</summary>
        public sealed record Upload(IReadOnlyList<ConnectionId> Connections);

        /// <summary>Gives every connection back.</summary>
        public sealed record UploadAll
        {
            public static UploadAll Instance { get; } = new();
        }

        /// <summary>
        /// These connections stay: the host does not want what the TOE has offered (<see cref="Event.UploadRequested"/> with a reason that is optional), or takes
        /// its own <see cref="Upload"/> back. For each the host gets <see cref="Event.Resumed"/>; <see cref="Event.UploadRequested"/> once more when the TOE cannot carry
        /// on; or <see cref="Event.NotHere"/> when the connection is on its way back already.
        /// </summary>
        public sealed record Resume(IReadOnlyList<ConnectionId> Connections);
    }

    /// <summary>TOE to host.</summary>
    public static class Event
    {
        /// <summary>These connections run on the TOE now.</summary>
        public sealed record Offloaded(IReadOnlyList<ConnectionId> Connections);

        /// <summary>This connection was not taken: its variables lie on the stack back to the host, unchanged.</summary>
        public sealed record Refused(ConnectionId Connection, string Reason);

        /// <summary>Doorbell: connections lie on the transfer stack back to the host.</summary>
        public sealed record Uploaded
        {
            public static Uploaded Doorbell { get; } = new();
        }

        /// <summary>
        /// The TOE would give this connection back. For a reason that is not optional (<see cref="UploadReasons.IsOptional"/>) it cannot carry on and waits for
        /// <see cref="Command.Upload"/>; else it carries on until then, and without end after <see cref="Command.Resume"/>.
        /// </summary>
        public sealed record UploadRequested(ConnectionId Connection, UploadReason Reason);

        /// <summary>This connection stays, as the host has said.</summary>
        public sealed record Resumed(ConnectionId Connection);

        /// <summary>How this connection gets on has changed. Not told of what comes and goes with each segment: see <see cref="ConnectionPhase"/>.</summary>
        public sealed record StateChanged(ConnectionId Connection, ConnectionPhase Phase);

        /// <summary>
        /// These versions of segment-invariant variables are what the TOE works with now (the patent's fig. 3, step 308). One of a next hop or a path is
        /// what every connection that shares it sends its next segment with.
        /// </summary>
        public sealed record Updated
        {
            public IReadOnlyList<NeighborVersion> Neighbors { get; init; } = [];

            public IReadOnlyList<PathVersion> Paths { get; init; } = [];

            public IReadOnlyList<UpdatedVersion> Connections { get; init; } = [];
        }

        /// <summary>How the TOE is; that it answers says as much as what it says.</summary>
        public sealed record StatisticsReport(ToeReading Reading);

        /// <summary>Answer to <see cref="Command.Query"/>.</summary>
        public sealed record Variables(
            ConnectionId Connection, Epoch Epoch, SegmentVariants Variants, SegmentInvariants Segment, EngineCounters Counters);

        /// <summary>The TOE does not own that connection.</summary>
        public sealed record NotHere(ConnectionId Connection);

        /// <summary>An ICMP "too big" for a segment in flight says that the path takes only packets of this size (RFC 1191, RFC 8201).</summary>
        public sealed record PathTooBig(ConnectionId Connection, int Mtu);

        /// <summary>Repeated time-outs: the next hop may be gone, and with the flow owned nobody but the host can ask it.</summary>
        public sealed record NextHopSuspect(ConnectionId Connection);

        /// <summary>
        /// A peer behind this next hop has acknowledged new data, so the next hop is there (RFC 4861 7.3.1); at most once a second.
        /// </summary>
        public sealed record NeighborConfirmed(NeighborId Neighbor);

        /// <summary>A SYN came for a live connection and was answered with a challenge ACK (RFC 5961 4).</summary>
        public sealed record SynSeen(ConnectionId Connection);
    }
}

/// <summary>A segment for a connection, on its way from the host to the TOE that has the connection.</summary>
/// <param name="Connection">Whose it is.</param>
/// <param name="IpPacket">The packet, whole; its checksums have been looked at.</param>
public sealed record ForwardedSegment(ConnectionId Connection, ReadOnlyMemory<byte> IpPacket);

/// <summary>The next version of one connection's segment-invariant variables.</summary>
public sealed record InvariantsUpdate(ConnectionId Connection, SegmentInvariants Next);

/// <summary>The version of the segment-invariant variables that a connection works with.</summary>
public readonly record struct UpdatedVersion(ConnectionId Connection, uint Version);

/// <summary>A version of a next hop.</summary>
public readonly record struct NeighborVersion(NeighborId Neighbor, uint Version);

/// <summary>A version of a path.</summary>
public readonly record struct PathVersion(PathId Path, uint Version);
