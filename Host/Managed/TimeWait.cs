using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// TIME-WAIT (RFC 9293 3.3.2): all that is left of a connection whose FIN was acknowledged and whose peer's FIN was received. It
/// acknowledges a retransmitted FIN and keeps old duplicates from a new connection of the same name.
/// </summary>
internal sealed class TimeWait : StackFlow
{
    private readonly Lock _lock = new();
    private readonly ConnectionInvariants _connection;
    private readonly SeqNum _sndNxt;
    private readonly SeqNum _rcvNxt;
    private readonly ushort _window;
    private readonly uint _tsRecent;
    private readonly uint _tsOffset;
    private Microseconds _endsAt;
    private bool _isOver;

    /// <param name="stack">In whose table it stands.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="variants">Its variables at the end: both FINs are counted.</param>
    /// <param name="now">When TIME-WAIT begins.</param>
    public TimeWait(ManagedStack stack, ConnectionInvariants connection, in SegmentVariants variants, Microseconds now)
        : base(stack, connection.Flow)
    {
        _connection = connection;
        _sndNxt = variants.SndMax;
        _rcvNxt = variants.RcvNxt;
        _window = (ushort)Math.Min(variants.RcvWnd >> connection.ReceiveWindowScale, ushort.MaxValue);
        _tsRecent = variants.TsRecent;
        _tsOffset = variants.TsOffset;
        Restart(now);
    }

    public override TcpState State => TcpState.TimeWait;

    public override bool TryReceive(ReadOnlySpan<byte> ipPacket, in TcpSegment segment, Microseconds now)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return false;
            }

            if (segment.Has(TcpFlags.Rst))
            {
                // RFC 9293 3.10.7.4, second, with RFC 5961 3.2: only exactly at RCV.NXT.
                if (segment.Seq == _rcvNxt)
                {
                    End();
                }
            }
            else if (segment.Has(TcpFlags.Syn))
            {
                // RFC 5961 4.2, which RFC 9293 3.10.7.4, fourth, adopts: challenged. A peer that means it answers with the RST above.
                Acknowledge(now);
            }
            else if (segment.End != segment.Seq)
            {
                // RFC 9293 3.10.7.4, first: not acceptable, hence acknowledged; eighth: the peer's FIN restarts the 2 MSL time-out.
                Acknowledge(now);
                if (segment.Has(TcpFlags.Fin) && segment.End == _rcvNxt)
                {
                    Restart(now);
                }
            }

            return true;
        }
    }

    public override void Abandon()
    {
        lock (_lock)
        {
            End();
        }
    }

    protected internal override void Expired()
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            if (Stack.Now >= _endsAt)
            {
                // RFC 9293 3.10.8: the time-wait time-out deletes the TCB.
                End();
            }
            else
            {
                Stack.Schedule(this, _endsAt);
            }
        }
    }

    private void Restart(Microseconds now)
    {
        _endsAt = now + Stack.Options.TimeWait;
        Stack.Schedule(this, _endsAt);
    }

    private void End()
    {
        _isOver = true;
        Stack.Schedule(this, Microseconds.Never);
        Stack.Remove(this);
    }

    private void Acknowledge(Microseconds now) => Stack.Send(Flow, _sndNxt, _rcvNxt, TcpFlags.Ack, _window, new TcpOptions
    {
        HasTimestamps = _connection.TimestampsEnabled,
        TsVal = (uint)(now.Value / _connection.TimestampTick.Value) + _tsOffset,
        TsEcr = _tsRecent,
    });
}
