using Akka.Actor;
using TcpActors.Actors.Contract;

namespace TcpActors.HostSide.Messaging;

/// <summary>
/// Who hears what happens to connections. Used by the host supervisor only, whose <paramref name="watcher"/> tells it of subscribers that died. A new
/// kind of event is a record in <see cref="Offloading.Event"/> and a call of <see cref="Tell"/>.
/// </summary>
internal sealed class Subscriptions(IActorContext watcher)
{
    private readonly HashSet<IActorRef> _toAll = [];
    private readonly Dictionary<ConnectionId, HashSet<IActorRef>> _toOne = [];
    private readonly Dictionary<IActorRef, HashSet<ConnectionId>> _of = [];

    /// <summary>Whether nobody hears anything, so that there is nothing to tell.</summary>
    public bool IsEmpty => _toAll.Count == 0 && _of.Count == 0;

    /// <param name="connection">Null: all.</param>
    /// <param name="subscriber">Who; a second subscription to the same is none.</param>
    public void Add(ConnectionId? connection, IActorRef subscriber)
    {
        watcher.Watch(subscriber);
        if (connection is not { } one)
        {
            _toAll.Add(subscriber);
            return;
        }

        SetOf(_toOne, one).Add(subscriber);
        SetOf(_of, subscriber).Add(one);
    }

    /// <param name="connection">Null: what was added with null.</param>
    /// <param name="subscriber">Who.</param>
    public void Remove(ConnectionId? connection, IActorRef subscriber)
    {
        if (connection is { } one)
        {
            Drop(_toOne, one, subscriber);
            Drop(_of, subscriber, one);
        }
        else
        {
            _toAll.Remove(subscriber);
        }

        UnwatchIfDone(subscriber);
    }

    /// <summary>Forgets a subscriber that died.</summary>
    public void Forget(IActorRef subscriber)
    {
        _toAll.Remove(subscriber);
        if (_of.Remove(subscriber, out HashSet<ConnectionId>? connections))
        {
            foreach (ConnectionId each in connections)
            {
                Drop(_toOne, each, subscriber);
            }
        }
    }

    /// <summary>Tells those who subscribed to this connection or to all, each once.</summary>
    public void Tell(Offloading.Event happened)
    {
        foreach (IActorRef each in _toAll)
        {
            each.Tell(happened, ActorRefs.NoSender);
        }

        if (_toOne.TryGetValue(happened.Connection, out HashSet<IActorRef>? subscribers))
        {
            foreach (IActorRef each in subscribers)
            {
                if (!_toAll.Contains(each))
                {
                    each.Tell(happened, ActorRefs.NoSender);
                }
            }
        }
    }

    /// <summary>Tells the last event of a connection: subscriptions to it end.</summary>
    public void TellLast(Offloading.Event.Ended ended)
    {
        Tell(ended);
        if (_toOne.Remove(ended.Connection, out HashSet<IActorRef>? subscribers))
        {
            foreach (IActorRef each in subscribers)
            {
                Drop(_of, each, ended.Connection);
                UnwatchIfDone(each);
            }
        }
    }

    private void UnwatchIfDone(IActorRef subscriber)
    {
        if (!_toAll.Contains(subscriber) && !_of.ContainsKey(subscriber))
        {
            watcher.Unwatch(subscriber);
        }
    }

    private static HashSet<TValue> SetOf<TKey, TValue>(Dictionary<TKey, HashSet<TValue>> sets, TKey key)
        where TKey : notnull
    {
        if (!sets.TryGetValue(key, out HashSet<TValue>? set))
        {
            sets.Add(key, set = []);
        }

        return set;
    }

    private static void Drop<TKey, TValue>(Dictionary<TKey, HashSet<TValue>> sets, TKey key, TValue value)
        where TKey : notnull
    {
        if (sets.TryGetValue(key, out HashSet<TValue>? set) && set.Remove(value) && set.Count == 0)
        {
            sets.Remove(key);
        }
    }
}
