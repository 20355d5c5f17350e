using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>Counts how often a policy moves the same connection: most in any one period, and to and fro within two.</summary>
internal sealed class MoveCount(Microseconds period)
{
    private readonly Dictionary<ConnectionId, Queue<Microseconds>> _recent = [];
    private readonly Dictionary<ConnectionId, (Microseconds At, bool ToToe)> _last = [];

    /// <summary>Moves that took back another one less than two periods old.</summary>
    public int Flaps { get; private set; }

    /// <summary>Most moves of one connection within less than a period.</summary>
    public int Most { get; private set; }

    public void Add(ConnectionId connection, Microseconds at, bool toToe)
    {
        if (_last.TryGetValue(connection, out (Microseconds At, bool ToToe) last) && last.ToToe != toToe && at - last.At < period * 2)
        {
            Flaps++;
        }

        _last[connection] = (at, toToe);
        if (!_recent.TryGetValue(connection, out Queue<Microseconds>? recent))
        {
            _recent.Add(connection, recent = new Queue<Microseconds>());
        }

        while (recent.TryPeek(out Microseconds oldest) && at - oldest >= period)
        {
            recent.Dequeue();
        }

        recent.Enqueue(at);
        Most = Math.Max(Most, recent.Count);
    }

    public void Forget(ConnectionId connection)
    {
        _recent.Remove(connection);
        _last.Remove(connection);
    }
}
