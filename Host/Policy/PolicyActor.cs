using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;

namespace TcpActors.HostSide.Policy;

/// <summary>Asks a host's policy with each sample, and has the supervisor make the moves that come of it.</summary>
internal sealed class PolicyActor : UntypedActor
{
    private readonly OffloadBook _book;
    private readonly IOffloadPolicy _policy;
    private readonly MonotonicClock _clock;
    private readonly ILogger _logger;
    private readonly TraceWriter? _trace;
    private readonly List<PolicyMove> _moves = [];

    public PolicyActor(Deciding deciding, MonotonicClock clock, ILogger logger)
    {
        _policy = deciding.Policy;
        _book = new OffloadBook(_policy, new Microseconds((long)deciding.Hysteresis.TotalMicroseconds));
        (_trace, _clock, _logger) = (deciding.Trace, clock, logger);
    }

    /// <param name="deciding">Who is asked; its trace is disposed of with the actor.</param>
    /// <param name="clock">The connections' clock.</param>
    /// <param name="logger">The host's.</param>
    public static Props Create(Deciding deciding, MonotonicClock clock, ILogger logger) =>
        Props.Create(() => new PolicyActor(deciding, clock, logger));

    protected override void PostStop() => _trace?.Dispose();

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
        }
#pragma warning disable CA1031 // A policy is the application's: what it throws costs one answer, and a restart would forget the book.
        catch (Exception e) when (e is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            Log.PolicyFailed(_logger, e, _policy.Name, message.GetType().Name);
        }

        Move();
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case Sampled sampled:
                Ask(sampled.Connection, sampled.Statistics, sampled.Offered);
                break;
            case Reviewed reviewed:
                _trace?.Toes(_clock.Now, reviewed.Toes);
                _book.Review(reviewed.Toes, _clock.Now, _moves);
                break;
            case Moved moved:
                _trace?.Moved(_clock.Now, moved.Connection, moved.To);
                if (moved.IsInHand)
                {
                    _book.MovedByHand(moved.From, moved.To);
                }
                else
                {
                    _book.Moved(moved.Connection, moved.To, _clock.Now);
                }

                break;
            case MoveEnded { Result.Moved: 0 } ended:
                _book.NotMoved(ended.Connection, ended.ToToe, _clock.Now);

                // Its TOE may wait for an answer to an offer still.
                Context.Parent.Tell(new HostMessages.Decline(ended.Connection));
                break;
            case MoveEnded:
                break;
            case TakenInHand taken:
                _trace?.TakenInHand(_clock.Now, taken.Connection);
                _book.TakeInHand(taken.Connection);
                break;
            case Ending ending:
                _trace?.Ending(_clock.Now, ending.Connection, ending.Tally);
                break;
            case Gone gone:
                _trace?.Ended(_clock.Now, gone.Connection);
                if (gone.IsInHand)
                {
                    _book.MovedByHand(gone.From, to: null);
                }
                else
                {
                    _book.Forget(gone.Connection);
                }

                break;
            case Conclude conclude:
                conclude.Done.TrySetResult(true);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Ask(Connection connection, ConnectionStatistics statistics, UploadReason offered)
    {
        _trace?.Sampled(connection.Id, statistics, offered);
        if (connection.IsInHand)
        {
            return;
        }

        try
        {
            Decision decision = _book.Ask(connection.Id, statistics, _moves, offered);
            connection.AskPolicyAt(
                _trace is null ? decision.AskAgainAt : Math.Min(decision.AskAgainAt, TraceWriter.NextLook(Work.Of(statistics).Bytes)));
        }
        finally
        {
            if (offered != UploadReason.None && !_moves.Exists(move => move.Connection == connection.Id))
            {
                Context.Parent.Tell(new HostMessages.Decline(connection.Id));
            }
        }
    }

    private void Move()
    {
        foreach (PolicyMove move in _moves)
        {
            Log.PolicyMoves(_logger, move.Connection, _policy.Name, move.ToToe ? "offload" : "upload", move.Reason);
            var done = new TaskCompletionSource<MoveResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            Context.Parent.Tell(new HostMessages.Move([move.Connection], move.ToToe, done) { IsByPolicy = true });
            _ = done.Task.PipeTo(Self, success: result => new MoveEnded(move.Connection, move.ToToe, result));
        }

        _moves.Clear();
    }

    /// <summary>A connection was sampled, perhaps because its TOE has offered it.</summary>
    public sealed record Sampled(Connection Connection, ConnectionStatistics Statistics, UploadReason Offered);

    /// <summary>All connections were sampled.</summary>
    public sealed record Reviewed(IReadOnlyList<ToeStatistics> Toes);

    /// <summary>A connection has moved, whoever wanted it: from a TOE or the stack to another one.</summary>
    public sealed record Moved(ConnectionId Connection, bool IsInHand, string? From, string? To);

    /// <summary>Somebody has said where a connection is to be.</summary>
    public sealed record TakenInHand(ConnectionId Connection);

    /// <summary>The application ends a connection that has done so much; said for the record.</summary>
    public sealed record Ending(ConnectionId Connection, Tally Tally);

    /// <summary>A connection has ended, on that TOE or in the stack.</summary>
    public sealed record Gone(ConnectionId Connection, bool IsInHand, string? From);

    /// <summary>Nothing follows; what was told before has been taken in when the task completes.</summary>
    public sealed record Conclude(TaskCompletionSource<bool> Done);

    /// <summary>The supervisor is done with a move that was asked for here.</summary>
    private sealed record MoveEnded(ConnectionId Connection, bool ToToe, MoveResult Result);
}

/// <summary>Tells a <see cref="PolicyActor"/> of each sample.</summary>
/// <param name="policy">The actor.</param>
/// <param name="wantsAll">Whether it is also told of connections on which it has nothing to say.</param>
internal sealed class SamplesToPolicy(IActorRef policy, bool wantsAll) : ISampleListener
{
    public bool Wants(Connection connection) => wantsAll || !connection.IsInHand;

    public void Sampled(Connection connection, ConnectionStatistics statistics, UploadReason offered) =>
        policy.Tell(new PolicyActor.Sampled(connection, statistics, offered), ActorRefs.NoSender);

    public void Sampled(IReadOnlyList<ToeStatistics> toes) => policy.Tell(new PolicyActor.Reviewed(toes), ActorRefs.NoSender);
}
