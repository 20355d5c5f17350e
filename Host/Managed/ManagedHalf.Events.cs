namespace TcpActors.HostSide.Managed;

/// <content>What is told of it: noted under the lock, raised outside of it.</content>
internal sealed partial class ManagedHalf
{
    private IHostHalfEvents? _events;
    private Signals _owed;
    private Exception? _inputError;
    private Exception? _outputError;

    [Flags]
    private enum Signals
    {
        None = 0,
        Readable = 1,
        Writable = 2,
        EndOfInput = 4,
        EndOfOutput = 8,
        Closed = 16,

        /// <summary>The segment in hand is the TOE's.</summary>
        Strayed = 32,
    }

    private Signals TakeOwed()
    {
        Signals owed = _events is null ? Signals.None : _owed;
        _owed &= ~owed;
        return owed;
    }

    private void Raise(Signals owed)
    {
        if (_events is not { } events || owed == Signals.None)
        {
            return;
        }

        if (owed.HasFlag(Signals.Readable))
        {
            events.Readable();
        }

        if (owed.HasFlag(Signals.Writable))
        {
            events.Writable();
        }

        if (owed.HasFlag(Signals.EndOfInput))
        {
            events.EndOfInput(_inputError);
        }

        if (owed.HasFlag(Signals.EndOfOutput))
        {
            events.EndOfOutput(_outputError!);
        }

        if (owed.HasFlag(Signals.Closed))
        {
            events.Closed();
        }
    }
}
