using System.Diagnostics.CodeAnalysis;

namespace TcpActors.HostSide;

/// <summary>
/// Connections that wait to be moved. A bounded number is under way at a time, so that none has left its owner long before a worker comes to it.
/// Those that move with many others and those that move by themselves take turns: neither waits for all of the others. Used by the host
/// supervisor only.
/// </summary>
/// <param name="limit">Moves under way at a time.</param>
internal sealed class MoveQueue(int limit)
{
    private readonly Queue<Tenancy> _single = new();
    private readonly Queue<Tenancy> _mass = new();
    private bool _isTurnOfMass;
    private int _underWay;
    private int _round = 1;

    public bool IsEmpty => _single.Count + _mass.Count == 0;

    /// <summary>Does nothing when the connection waits already.</summary>
    public void Add(Tenancy tenancy)
    {
        if (!tenancy.IsQueued)
        {
            tenancy.IsQueued = true;
            (tenancy.IsOneOfMany ? _mass : _single).Enqueue(tenancy);
        }
    }

    /// <returns>False when nobody waits or enough are under way.</returns>
    public bool TryNext([MaybeNullWhen(false)] out Tenancy tenancy)
    {
        tenancy = null;
        if (_underWay >= limit)
        {
            return false;
        }

        (Queue<Tenancy> first, Queue<Tenancy> second) = _isTurnOfMass ? (_mass, _single) : (_single, _mass);
        _isTurnOfMass = !_isTurnOfMass;
        if (!first.TryDequeue(out tenancy) && !second.TryDequeue(out tenancy))
        {
            return false;
        }

        tenancy.IsQueued = false;
        return true;
    }

    /// <summary>The connection is on its way.</summary>
    public void Begin(Tenancy tenancy)
    {
        tenancy.MoveRound = _round;
        _underWay++;
    }

    /// <summary>A worker is done with the connection; also one that nobody had begun with.</summary>
    public void End(Tenancy tenancy)
    {
        _underWay -= tenancy.MoveRound == _round ? 1 : 0;
        tenancy.MoveRound = 0;
    }

    /// <summary>Those under way wait for their peers (what is in flight has to be acknowledged), not for a worker: they do not count any more.</summary>
    public void PassOver() => (_round, _underWay) = (_round + 1, 0);
}
