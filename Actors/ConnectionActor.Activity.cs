using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <content>Looks once in a while at what the connection does: what an idle one goes without, and what the host might do better.</content>
internal sealed partial class ConnectionActor
{
    /// <summary>Shorter pauses cost nothing: what is given up has to be made again.</summary>
    private static readonly Microseconds RestAfter = Microseconds.FromSeconds(2);

    private Microseconds _activeAt;
    private Microseconds _lookAt = Microseconds.Never;
    private bool _isResting = true;

    // Null while the connection rests.
    private LoadWatch? _load;

    private void NoteActivity(Microseconds now)
    {
        _activeAt = now;
        if (_isResting)
        {
            (_isResting, _lookAt) = (false, now + RestAfter);
        }
    }

    /// <summary>Not after each message: an active connection has one more deadline in two seconds, one that rests a last one.</summary>
    private void LookAtActivity(Microseconds now)
    {
        if (now < _lookAt)
        {
            return;
        }

        if (now - _activeAt < RestAfter)
        {
            _lookAt = _activeAt + RestAfter;
            Consider((_load ??= new LoadWatch(_toe.Requests, now, in _engine.Counters)).Look(now, in _engine.Counters, _seat.Declined));
            return;
        }

        if (!_isResting)
        {
            Rest();
        }

        // As long again for each time that the host did not want it.
        Microseconds idleAt = _toe.Requests.IdleTime is { IsNever: false } time ? _activeAt + (time * (1 << _seat.Declined)) : Microseconds.Never;
        bool isDue = now >= idleAt;
        _lookAt = isDue ? Microseconds.Never : idleAt;
        Consider(isDue ? UploadReason.LowActivity : UploadReason.None);
    }

    private void Rest()
    {
        _isResting = true;
        _load = null;
        _framer = null;
        _engine.Trim();
        _seat.Flow.Trim();
        _seat.IsWriter = _seat.Memory.Send.Count > 0;
        _seat.Memory.Application.NotifyIdle();
    }

    private void Consider(UploadReason reason)
    {
        if (reason != UploadReason.None && !_seat.IsUploading)
        {
            Request(reason);
        }
    }
}
