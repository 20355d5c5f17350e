using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>
/// Makes moves of a policy's wishes, the same for every policy: no connection is moved more than once in a period, no TOE gets more than it takes, where
/// places are short the higher rank comes first, and a connection that was moved by hand is left alone. Knows no clock, no actor and no
/// connection, only their numbers: a host and a replay work with it alike. One thread at a time.
/// </summary>
/// <param name="policy">Whose wishes.</param>
/// <param name="period">How long a connection stays where it was moved to.</param>
internal sealed class OffloadBook(IOffloadPolicy policy, Microseconds period)
{
    /// <summary>Who takes another's place must be worth so many times as much: the swap is not free, and the next one is not to be the way back.</summary>
    private const double Margin = 2;

    /// <summary>Places that change hands in one round.</summary>
    private const int MostSwaps = 64;

    /// <summary>After that many refusals the time between two attempts grows no more: 64 periods.</summary>
    private const int MostDoublings = 6;

    private readonly Dictionary<ConnectionId, Standing> _standings = [];
    private readonly Dictionary<ConnectionId, Candidate> _waiting = [];
    private readonly List<ToePlaces> _toes = [];

    /// <summary>Asks the policy about one connection.</summary>
    /// <param name="id">Which.</param>
    /// <param name="connection">What is known of it.</param>
    /// <param name="moves">Gets the move that is to be made, if there is one.</param>
    /// <param name="offered">Why its TOE offers it; None: it does not.</param>
    public Decision Ask(ConnectionId id, ConnectionStatistics connection, List<PolicyMove> moves, UploadReason offered = UploadReason.None)
    {
        _waiting.Remove(id);
        Standing? standing = _standings.GetValueOrDefault(id);
        var work = Work.Of(connection);
        bool isOffloaded = false;
        if (standing is not null)
        {
            (standing.Before, standing.IsNew) = (standing.IsNew ? work : standing.Before, false);
            isOffloaded = standing.IsOffloaded;
        }

        ToePlaces? places = standing?.Places ?? Freest();
        Decision decision = policy.Decide(
            new OffloadQuestion(connection, isOffloaded, work - (standing?.Before ?? default), places?.Now)
            {
                Offered = isOffloaded ? offered : UploadReason.None,
            });
        var rank = new Rank((short)connection.Priority, (float)decision.Worth);
        if (standing is not null)
        {
            standing.Rank = rank;
        }

        if (decision.Wish == Wish.Stay || (decision.Wish == Wish.Offload) == isOffloaded || IsEnding(connection) || !MayMove(standing, connection.At))
        {
            return decision;
        }

        if (decision.Wish == Wish.Upload)
        {
            GiveBack(id, standing!, connection.At, decision.Reason, moves);
        }
        else
        {
            var candidate = new Candidate(id, rank, places, decision.Reason);
            if (places is null or { IsContended: false, Free: > 0 })
            {
                Offload(in candidate, connection.At, moves);
            }
            else
            {
                _waiting[id] = candidate;
            }
        }

        return decision;
    }

    /// <summary>Gives places to those who wait for one, the highest rank first, and takes them for the rest from those of much lower rank.</summary>
    /// <param name="toes">The TOEs there are.</param>
    /// <param name="now">The connections' clock.</param>
    /// <param name="moves">Gets the moves that are to be made.</param>
    public void Review(IReadOnlyList<ToeStatistics> toes, Microseconds now, List<PolicyMove> moves)
    {
        foreach (ToeStatistics toe in toes)
        {
            See(toe);
        }

        foreach (ToePlaces places in _toes)
        {
            Candidate[] candidates =
                [.. _waiting.Values.Where(each => each.Places == places).OrderByDescending(each => each.Rank).ThenBy(each => each.Connection.Value)];
            int free = Math.Clamp(places.Free, 0, candidates.Length);
            foreach (Candidate candidate in candidates.AsSpan(0, free))
            {
                Offload(in candidate, now, moves);
            }

            places.IsContended = free < candidates.Length;
            MakeRoom(candidates.AsSpan(free), places, now, moves);
        }

        // Whoever still wants a place asks for it with his next sample.
        _waiting.Clear();
    }

    /// <summary>A connection has moved that is not in anybody's hand.</summary>
    /// <param name="id">Which.</param>
    /// <param name="toe">The TOE that has it; null: it is back in the stack.</param>
    /// <param name="now">The connections' clock.</param>
    public void Moved(ConnectionId id, string? toe, Microseconds now)
    {
        _waiting.Remove(id);
        Standing standing = StandingOf(id);
        standing.IsOffloaded = toe is not null;
        standing.IsUnderWay = false;
        standing.MovedAt = now;
        standing.IsNew = true;
        standing.Refusals = toe is null ? standing.Refusals : (byte)0;
        standing.Places = Change(standing.Places, PlacesOf(toe));
    }

    /// <summary>A move that was to be made was not.</summary>
    /// <param name="id">Which connection's.</param>
    /// <param name="toToe">Where it was to go.</param>
    /// <param name="now">The connections' clock.</param>
    public void NotMoved(ConnectionId id, bool toToe, Microseconds now)
    {
        if (!_standings.TryGetValue(id, out Standing? standing) || !standing.IsUnderWay || standing.IsOffloaded != toToe)
        {
            // It has ended, or has been moved since for another reason.
            return;
        }

        standing.IsUnderWay = false;
        standing.IsOffloaded = !toToe;
        standing.MovedAt = now;
        if (toToe)
        {
            standing.Refusals = (byte)Math.Min(standing.Refusals + 1, MostDoublings);
            standing.Places = Change(standing.Places, null);
        }
    }

    /// <summary>
    /// Somebody has said where the connection is to be: it is not asked about any more, and nothing is remembered of it but the place that it takes.
    /// </summary>
    public void TakeInHand(ConnectionId id)
    {
        _waiting.Remove(id);
        if (_standings.Remove(id, out Standing? standing) && standing is { IsUnderWay: true, IsOffloaded: true })
        {
            // It takes the place when it has come there.
            Change(standing.Places, null);
        }
    }

    /// <summary>A connection in somebody's hand has moved, or has ended.</summary>
    /// <param name="from">The TOE that had it; null: the stack.</param>
    /// <param name="to">The TOE that has it; null: none.</param>
    public void MovedByHand(string? from, string? to) => Change(PlacesOf(from), PlacesOf(to));

    /// <summary>A connection has ended that is not in anybody's hand.</summary>
    public void Forget(ConnectionId id)
    {
        _waiting.Remove(id);
        if (_standings.Remove(id, out Standing? standing))
        {
            Change(standing.Places, null);
        }
    }

    /// <summary>A FIN is the stack's business, and a TOE would give the connection back at once.</summary>
    private static bool IsEnding(ConnectionStatistics connection) =>
        connection.State is not { Tcp: TcpState.Established, IsInputEnded: false, IsOutputEnded: false };

    /// <returns>The places of which one is taken now.</returns>
    private static ToePlaces? Change(ToePlaces? before, ToePlaces? after)
    {
        if (before is not null)
        {
            before.Taken--;
        }

        if (after is not null)
        {
            after.Taken++;
        }

        return after;
    }

    private bool MayMove(Standing? standing, Microseconds now) =>
        standing is null || (!standing.IsUnderWay && now - standing.MovedAt >= period * (1 << standing.Refusals));

    private void MakeRoom(ReadOnlySpan<Candidate> candidates, ToePlaces places, Microseconds now, List<PolicyMove> moves)
    {
        if (candidates.IsEmpty)
        {
            return;
        }

        // Those on their way back make room already.
        int swaps = Math.Min(MostSwaps, candidates.Length) - _standings.Values.Count(each => each.Places == places && !each.IsOffloaded);
        KeyValuePair<ConnectionId, Standing>[] lowest =
        [
            .. _standings.Where(each => each.Value.IsOffloaded && each.Value.Places == places && MayMove(each.Value, now))
                .OrderBy(each => each.Value.Rank).ThenByDescending(each => each.Key.Value).Take(Math.Max(0, swaps)),
        ];
        for (int i = 0; i < lowest.Length && IsMuchHigher(candidates[i].Rank, lowest[i].Value.Rank); i++)
        {
            GiveBack(lowest[i].Key, lowest[i].Value, now, $"connection {candidates[i].Connection} needs its place more", moves);
        }
    }

    private static bool IsMuchHigher(Rank candidate, Rank holder) => candidate.Priority != holder.Priority
        ? candidate.Priority > holder.Priority
        : candidate.Worth > Margin * Math.Max(0, holder.Worth);

    private void Offload(in Candidate candidate, Microseconds now, List<PolicyMove> moves)
    {
        Standing standing = StandingOf(candidate.Connection);
        standing.IsOffloaded = standing.IsUnderWay = true;
        standing.MovedAt = now;
        standing.IsNew = true;
        standing.Rank = candidate.Rank;
        standing.Places = Change(standing.Places, candidate.Places);
        moves.Add(new PolicyMove(candidate.Connection, ToToe: true, candidate.Places?.Name, candidate.Reason));
    }

    private static void GiveBack(ConnectionId id, Standing standing, Microseconds now, string reason, List<PolicyMove> moves)
    {
        (standing.IsOffloaded, standing.IsUnderWay) = (false, true);
        standing.MovedAt = now;
        standing.IsNew = true;
        moves.Add(new PolicyMove(id, ToToe: false, standing.Places?.Name, reason));
    }

    private void See(ToeStatistics toe)
    {
        if (PlacesOf(toe.Name) is { } known)
        {
            known.See(toe);
        }
        else
        {
            _toes.Add(new ToePlaces(toe));
        }
    }

    private ToePlaces? PlacesOf(string? toe) =>
        toe is null ? null : _toes.Find(places => string.Equals(places.Name, toe, StringComparison.Ordinal));

    private ToePlaces? Freest()
    {
        ToePlaces? freest = null;
        foreach (ToePlaces places in _toes)
        {
            freest = freest is null || places.Free > freest.Free ? places : freest;
        }

        return freest;
    }

    private Standing StandingOf(ConnectionId id)
    {
        if (!_standings.TryGetValue(id, out Standing? standing))
        {
            _standings.Add(id, standing = new Standing());
        }

        return standing;
    }

    /// <summary>Who waits for a place.</summary>
    private readonly record struct Candidate(ConnectionId Connection, Rank Rank, ToePlaces? Places, string Reason);
}
