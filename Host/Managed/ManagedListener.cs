using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Threading.Channels;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// A passive OPEN (RFC 9293 3.10.1): state LISTEN. The backlog bounds what is half-open and what waits to be accepted, together, so that a
/// handshake that was begun finds its place when it ends.
/// </summary>
internal sealed class ManagedListener : IDisposable
{
    private readonly ManagedStack _stack;
    private readonly Channel<ManagedHalf> _established;
    private readonly int _backlog;
    private int _pending;

    internal ManagedListener(ManagedStack stack, IPEndPoint local, int backlog)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(backlog, 1);
        (_stack, Local, _backlog) = (stack, local, backlog);
        _established = Channel.CreateBounded<ManagedHalf>(backlog);
    }

    public IPEndPoint Local { get; }

    /// <summary>Connections that are half-open or wait to be accepted.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Waits for the next established connection.</summary>
    /// <exception cref="ChannelClosedException">When the listener is disposed of.</exception>
    public async ValueTask<ManagedHalf> AcceptAsync(CancellationToken cancellation = default)
    {
        ManagedHalf half = await _established.Reader.ReadAsync(cancellation);
        Leave();
        return half;
    }

    /// <summary>The next established connection, if one waits.</summary>
    public bool TryAccept([MaybeNullWhen(false)] out ManagedHalf half)
    {
        bool accepted = _established.Reader.TryRead(out half);
        if (accepted)
        {
            Leave();
        }

        return accepted;
    }

    /// <summary>Stops listening: half-open connections are forgotten, those not yet accepted are reset.</summary>
    public void Dispose()
    {
        _established.Writer.TryComplete();
        _stack.StopListening(this);
        while (TryAccept(out ManagedHalf? half))
        {
            half.Abort();
        }
    }

    /// <summary>RFC 9293 3.10.7.2: a segment for a connection in state LISTEN.</summary>
    internal void Receive(in FlowKey flow, in TcpSegment segment, Microseconds now)
    {
        if (segment.Has(TcpFlags.Rst))
        {
            // First: an RST is ignored.
            ManagedStackCounters.Count(ref _stack.Counters.Ignored);
        }
        else if (segment.Has(TcpFlags.Ack))
        {
            // Second: any acknowledgement is bad if it arrives on a connection still in the LISTEN state.
            _stack.Reset(in flow, in segment);
        }
        else if (!segment.Has(TcpFlags.Syn))
        {
            // Fourth: this segment should not have come.
            ManagedStackCounters.Count(ref _stack.Counters.Ignored);
        }
        else if (Interlocked.Increment(ref _pending) > _backlog)
        {
            Leave();
            ManagedStackCounters.Count(ref _stack.Counters.BacklogOverflow);
        }
        else
        {
            // Third: a SYN.
            var opening = new PassiveOpening(_stack, flow, this);
            if (_stack.TryAdd(opening))
            {
                opening.Open(in segment, now);
            }
            else
            {
                Leave();
            }
        }
    }

    /// <summary>A handshake has ended well.</summary>
    internal void Deliver(ManagedHalf half)
    {
        if (!_established.Writer.TryWrite(half))
        {
            Leave();
            half.Abort();
        }
    }

    /// <summary>A connection is no longer pending.</summary>
    internal void Leave() => Interlocked.Decrement(ref _pending);
}
