using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <summary>What is said to the <see cref="HostSupervisor"/> from within the host's process.</summary>
internal static class HostMessages
{
    /// <summary>A connection was set up.</summary>
    public sealed record Register(Connection Connection);

    /// <summary>Offload a socket of the application's. It becomes the host's only when that succeeds; until then it is not touched.</summary>
    public sealed record TakeOver(Connection Connection, TaskCompletionSource<MoveResult> Done);

    /// <summary>A TOE can be used.</summary>
    public sealed record AddToe(ToeUnit Toe);

    /// <summary>Move these connections (null: all) and complete the task when that is done.</summary>
    public sealed record Move(IReadOnlyList<ConnectionId>? Connections, bool ToToe, TaskCompletionSource<MoveResult> Done)
    {
        /// <summary>Whether the policy wants it, and no person.</summary>
        public bool IsByPolicy { get; init; }
    }

    /// <summary>A connection has moved as many bytes as the policy wanted to wait for.</summary>
    public sealed record AskPolicy(Connection Connection);

    /// <summary>The application changes settings of a connection; true when its owner works with them, false when there is no such connection (any more).</summary>
    public sealed record Update(ConnectionId Connection, ConnectionSettings Settings, TaskCompletionSource<bool> Done);

    /// <summary>The policy does not want a connection that its TOE has offered.</summary>
    public sealed record Decline(ConnectionId Connection);

    /// <summary>A segment came to the stack for a connection that a TOE has.</summary>
    public sealed record Strayed(ConnectionId Connection, ReadOnlyMemory<byte> IpPacket);

    /// <summary>The application wants the connection to end in this way.</summary>
    public sealed record End(ConnectionId Connection, EndKind Kind);

    /// <summary>The stack has let go of a connection.</summary>
    public sealed record Gone(ConnectionId Connection);

    /// <summary>A worker has taken a connection out of the stack, or not.</summary>
    public sealed record TakeOutDone(ConnectionId Connection, ToeUnit? Toe, TakeOut Result);

    /// <summary>A worker has put a connection back.</summary>
    public sealed record PutBackDone(ConnectionId Connection, Exception? Failure);

    /// <summary>Moves that have been under way for a while do not hold up others any longer.</summary>
    public sealed record PassOver
    {
        public static PassOver Instance { get; } = new();
    }

    /// <summary>New versions of next hops and paths, and the paths that leave by another interface now.</summary>
    public sealed record PathChanged(
        IReadOnlyList<Neighbor> Neighbors, IReadOnlyList<NetworkPath> Paths, IReadOnlyList<PathId> Elsewhere)
    {
        public override string ToString() =>
            $"{string.Join("; ", Neighbors)} {string.Join("; ", Paths)} {string.Join(", ", Elsewhere.Select(path => $"path {path} elsewhere"))}".Trim();
    }

    /// <summary>An interface went up or down, or has another MAC address or MTU.</summary>
    public sealed record InterfaceChanged(int Index);

    /// <summary>Report every TOE and every connection, or only one, if there is one of that number.</summary>
    public sealed record Report(TaskCompletionSource<HostReport> Done, ConnectionId? Only = null);

    /// <summary>Bring every connection back; the host is about to end.</summary>
    public sealed record Quiesce(TaskCompletionSource Done);

    /// <summary>After <see cref="Quiesce"/>: end every connection in order, and complete the task when the stack has let go of all.</summary>
    public sealed record EndAll(TaskCompletionSource Done);

    /// <summary>Complete the task when the policy has been told of everything so far, and its record has it.</summary>
    public sealed record Conclude(TaskCompletionSource<bool> Done);

    /// <summary>Reset the connections that are left.</summary>
    public sealed record AbortAll;
}

/// <summary>How an application ends a connection. Later ones include earlier ones.</summary>
internal enum EndKind : byte
{
    None = 0,

    /// <summary>FIN behind everything that was written; reading goes on.</summary>
    ShutdownSend,

    /// <summary>Both directions.</summary>
    Close,

    /// <summary>RST.</summary>
    Abort,
}
