namespace TcpActors.HostSide;

/// <summary>Somebody waits for moves of several connections. Used by the host supervisor only.</summary>
internal sealed class MoveTicket(TaskCompletionSource<MoveResult> done)
{
    private readonly List<Refusal> _refused = [];
    private int _pending = 1;
    private int _moved;
    private int _unmoved;

    public void Expect() => _pending++;

    public void Moved()
    {
        _moved++;
        Count();
    }

    public void Unmoved()
    {
        _unmoved++;
        Count();
    }

    public void Refused(Refusal refusal)
    {
        _refused.Add(refusal);
        Count();
    }

    /// <summary>Everybody is expected who is going to be.</summary>
    public void Close(int missing)
    {
        _unmoved += missing;
        Count();
    }

    private void Count()
    {
        if (--_pending == 0)
        {
            done.TrySetResult(new MoveResult(_moved, _unmoved, _refused));
        }
    }
}
