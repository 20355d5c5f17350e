namespace TcpActors.HostSide;

/// <summary>What an application has changed about a connection and its owner has not taken yet. Used by the host supervisor only.</summary>
internal sealed class PendingSettings
{
    private readonly List<HostMessages.Update> _waiting = [];
    private readonly List<(uint Version, HostMessages.Update Update)> _told = [];

    public bool IsEmpty => _waiting.Count + _told.Count == 0;

    /// <summary>Waits until the connection is with one owner or the other.</summary>
    public void Add(HostMessages.Update update) => _waiting.Add(update);

    /// <returns>Those that waited, which do so no more.</returns>
    public HostMessages.Update[] Take()
    {
        HostMessages.Update[] waiting = [.. _waiting];
        _waiting.Clear();
        return waiting;
    }

    /// <summary>A TOE was told, with this version.</summary>
    public void Told(uint version, HostMessages.Update update) => _told.Add((version, update));

    /// <summary>The TOE works with this version.</summary>
    public void Confirm(uint version)
    {
        foreach ((_, HostMessages.Update update) in _told.Where(each => each.Version <= version))
        {
            update.Done.TrySetResult(true);
        }

        _told.RemoveAll(each => each.Version <= version);
    }

    /// <summary>The connection has left its TOE: what that has not confirmed it may not have taken.</summary>
    public void TellAgain()
    {
        _waiting.InsertRange(0, _told.Select(each => each.Update));
        _told.Clear();
    }

    /// <summary>The connection has ended.</summary>
    public void Fail()
    {
        TellAgain();
        foreach (HostMessages.Update update in Take())
        {
            update.Done.TrySetResult(false);
        }
    }
}
