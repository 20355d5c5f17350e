using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <content>What an idle connection does without.</content>
internal sealed partial class ConnectionActor
{
    /// <summary>Shorter pauses cost nothing: what is given up has to be made again.</summary>
    private static readonly Microseconds RestAfter = Microseconds.FromSeconds(2);

    private Microseconds _activeAt;
    private Microseconds _restAt = Microseconds.Never;

    private void NoteActivity(Microseconds now)
    {
        _activeAt = now;
        if (_restAt.IsNever)
        {
            _restAt = now + RestAfter;
        }
    }

    /// <summary>Looks once in a while and not after each message, so an active connection has one more deadline in two seconds.</summary>
    private void RestWhenIdle(Microseconds now)
    {
        if (now < _restAt)
        {
            return;
        }

        if (now - _activeAt < RestAfter)
        {
            _restAt = _activeAt + RestAfter;
            return;
        }

        _restAt = Microseconds.Never;
        _framer = null;
        _engine.Trim();
        _seat.Flow.Trim();
        _seat.IsWriter = _seat.Memory.Send.Count > 0;
        _seat.Memory.Application.NotifyIdle();
    }
}
