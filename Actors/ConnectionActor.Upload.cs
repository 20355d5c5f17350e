using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <content>Back to the host: asked for, prepared, taken back.</content>
internal sealed partial class ConnectionActor
{
    private Microseconds _drainUntil = Microseconds.Never;
    private bool _isDrained;

    /// <summary>The host wants the connection back.</summary>
    internal sealed record BeginUpload
    {
        public static BeginUpload Instance { get; } = new();
    }

    /// <summary>The host wants it to stay.</summary>
    internal sealed record GoOn
    {
        public static GoOn Instance { get; } = new();
    }

    private void Request(UploadReason reason)
    {
        if (_seat.Requested == UploadReason.None || (_seat.Requested.IsOptional() && !reason.IsOptional()))
        {
            _seat.Requested = reason;
            _toe.Book.RequestedUpload();
            Log.UploadRequested(_toe.Logger, _seat.Id, _seat.Epoch, _toe.Name, reason);
            _toe.Host.Tell(new Toe.Event.UploadRequested(_seat.Id, reason), Self);
        }
    }

    /// <summary>
    /// What is in flight when a connection moves may be lost around the hand-over and would stall it for a time-out, so it gets a moment to
    /// be acknowledged: two round trips, at least 5 ms, at most 50 ms (1 s without timestamps); longer only while it is more than the host can
    /// take back.
    /// </summary>
    private void StartDrain(Microseconds now)
    {
        if (!_seat.IsUploading)
        {
            _seat.IsUploading = true;
            BeginDrain(now);
        }
    }

    private void BeginDrain(Microseconds now)
    {
        _engine.Stop();
        ref readonly SegmentVariants variants = ref _engine.Variants;

        // Without timestamps nobody can time what was sent before the move (Karn's rule), so a kernel begins with an RTO of 3 s
        // (RFC 6298 5.7) and doubles it: better the loss is repaired here.
        (Microseconds wanted, Microseconds most) = _seat.Connection.TimestampsEnabled
            ? (variants.SmoothedRtt * 2, Microseconds.FromMilliseconds(50))
            : (variants.Rto * 2, Microseconds.FromSeconds(1));
        _drainUntil = now + Microseconds.Min(Microseconds.Max(wanted, Microseconds.FromMilliseconds(5)), most);
    }

    /// <summary>The host has thought better of an upload, or does not want the one that was offered.</summary>
    private void Stay()
    {
        if (_seat.Requested != UploadReason.None && !_seat.Requested.IsOptional())
        {
            _toe.Host.Tell(new Toe.Event.UploadRequested(_seat.Id, _seat.Requested), Self);
            return;
        }

        if (_seat.Requested != UploadReason.None)
        {
            _seat.NoteDeclined();
        }

        (_seat.Requested, _seat.IsUploading) = (UploadReason.None, false);
        (_drainUntil, _isDrained) = (Microseconds.Never, false);
        _engine.GoOn();
        _toe.Host.Tell(new Toe.Event.Resumed(_seat.Id), Self);
    }

    private bool MayLeave(in SegmentVariants variants, Microseconds now)
    {
        if (now >= _drainUntil)
        {
            (_drainUntil, _isDrained) = (Microseconds.Never, true);
        }

        // A peer that does not answer any more answers no sooner for being waited for.
        bool isPeerGone = _seat.Requested is UploadReason.PeerReset or UploadReason.RetransmissionLimit or UploadReason.UserTimeout;
        return variants.SndUna == variants.SndMax || isPeerGone
            || (_isDrained && (int)variants.Flight <= _seat.Segment.ReturnableFlight);
    }
}
