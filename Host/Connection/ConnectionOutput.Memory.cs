namespace TcpActors.HostSide;

/// <content>What a writer has only while it needs it.</content>
public sealed partial class ConnectionOutput
{
    /// <summary>Gives up memory that comes back with use. Any thread.</summary>
    internal void Trim()
    {
        lock (_gate)
        {
            if (_signal is { IsInUse: false })
            {
                _signal = null;
            }

            if (!IsAnythingWaiting && _loan != Loan.Staging)
            {
                _waiting?.Clear(keepArray: false);
                _waiting = null;
            }
        }
    }

    private void SetRetry(bool isStarved)
    {
        if (isStarved)
        {
            (_retry ??= new MemoryRetry(_time, this)).Start();
        }
        else if (_retry is not null)
        {
            _retry.Stop();
            _retry = null;
        }
    }
}
