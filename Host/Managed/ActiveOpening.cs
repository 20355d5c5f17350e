using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>An active OPEN: SYN-SENT, and after a simultaneous open SYN-RECEIVED.</summary>
internal sealed class ActiveOpening(ManagedStack stack, FlowKey flow) : Opening(stack, flow)
{
    private readonly TaskCompletionSource<ManagedHalf> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;

    protected override int MaxRetransmissions => Stack.Options.MaxSynRetransmissions;

    public Task<ManagedHalf> OpenAsync(CancellationToken cancellation)
    {
        lock (Lock)
        {
            Begin(Stack.Now);
        }

        // Where it is cancelled already this calls back at once.
        _cancellation = cancellation;
        _registration = cancellation.UnsafeRegister(static state => ((ActiveOpening)state!).Abandon(), this);
        return _done.Task;
    }

    protected override ManagedHalf? InSynSent(in TcpSegment segment, Microseconds now)
    {
        // First: an acknowledgement of anything but our SYN is reset.
        if (segment.Has(TcpFlags.Ack) && segment.Ack != Iss + 1)
        {
            Stack.Reset(Flow, in segment);
            return null;
        }

        // Second: an RST counts when it acknowledges our SYN.
        if (segment.Has(TcpFlags.Rst))
        {
            if (segment.Has(TcpFlags.Ack))
            {
                End(SocketError.ConnectionRefused);
            }

            return null;
        }

        // Fifth: without SYN and RST it is dropped.
        if (!segment.Has(TcpFlags.Syn))
        {
            ManagedStackCounters.Count(ref Stack.Counters.Ignored);
            return null;
        }

        // Fourth.
        if (segment.Has(TcpFlags.Ack))
        {
            TakeSyn(in segment);
            SendAck(now);
            return Establish(in segment, now);
        }

        // Simultaneous open (RFC 9293 3.5, figure 7).
        EnterSynReceived(in segment);
        SendSyn(now);
        return null;
    }

    protected override void Established(ManagedHalf half)
    {
        _registration.Unregister();
        if (!_done.TrySetResult(half))
        {
            half.Abort();
        }
    }

    protected override void Failed(SocketError error)
    {
        _registration.Unregister();
        if (_cancellation.IsCancellationRequested)
        {
            _done.TrySetCanceled(_cancellation);
        }
        else
        {
            _done.TrySetException(new SocketException((int)error));
        }
    }
}
