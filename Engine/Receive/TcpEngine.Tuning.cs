using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>The receive window that is offered, up to the limit that the host has set.</content>
public sealed partial class TcpEngine
{
    private void StartTuning()
    {
        _tuning.Start(in _v, _receive.Read, _invariants.EffectiveMss);
        AllowToWait();
    }

    private void AllowToWait() => _receive.Allowance = Math.Min(_tuning.Window, _invariants.ReceiveBufferLimit);

    /// <summary>Data has moved RCV_NXT.</summary>
    private void Tune(in TcpSegment segment, Microseconds now)
    {
        uint echo = segment.Options.TsEcr;
        if (_connection.TimestampsEnabled && echo != 0 && echo != _tuning.LastEcho)
        {
            // A tick more, as it may have been sent at the beginning of its tick and be answered at the end of this one.
            int ticks = (int)(Timestamp(now) - echo) + 1;
            if (ticks > 0)
            {
                _tuning.OnEcho(echo, new Microseconds(ticks * _connection.TimestampTick.Value));
            }
        }

        if (_tuning.OnData(segment.Payload.Length, _v.RcvNxt, _receive.Taken, now))
        {
            AllowToWait();
        }
    }
}
