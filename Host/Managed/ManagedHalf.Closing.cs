using System.Net.Sockets;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <content>How a connection ends: RFC 9293 3.6, 3.10.4, 3.10.5.</content>
internal sealed partial class ManagedHalf
{
    /// <summary>When the pool has no chunk for the FIN's byte, this long until the next try.</summary>
    private static readonly Microseconds AppendFinAgain = Microseconds.FromMilliseconds(100);

    private readonly TransmitQueue _withFin = new();

    private bool _isClosed;
    private bool _owesFin;
    private Microseconds _appendFinAt = Microseconds.Never;
    private Microseconds _finWait2EndsAt = Microseconds.Never;

    /// <summary>Sequence number of our FIN, once it stands in the send buffer.</summary>
    private SeqNum? _fin;
    private bool _hasSentFin;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">While a TOE owns the connection.</exception>
    public void ShutdownSend()
    {
        Signals owed;
        lock (_lock)
        {
            RequireOwned();
            BeginShutdown();
            Finish(Stack.Now);
            owed = TakeOwed();
        }

        Raise(owed);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">While a TOE owns the connection.</exception>
    public void Close()
    {
        Signals owed;
        lock (_lock)
        {
            RequireOwned();
            if (!_isClosed)
            {
                _isClosed = true;
                if (_place == Place.Gone)
                {
                    _owed |= Signals.Closed;
                }
                else if (_running is not { Receive.Unread: 0 })
                {
                    // RFC 9293 3.6.1, SHLD-3: received data that nobody will read is lost, and the peer is to know.
                    AbortNow(null);
                }
                else
                {
                    BeginShutdown();
                    WatchFinWait2();
                    Finish(Stack.Now);
                }
            }

            owed = TakeOwed();
        }

        Raise(owed);
    }

    /// <inheritdoc/>
    /// <remarks>Also when a put-back failed: then nothing is sent, as the host does not own the connection.</remarks>
    public void Abort()
    {
        Signals owed;
        lock (_lock)
        {
            bool isFirst = !_isClosed;
            _isClosed = true;
            if (_place != Place.Gone)
            {
                AbortNow(null);
            }
            else if (isFirst)
            {
                _owed |= Signals.Closed;
            }

            owed = TakeOwed();
        }

        Raise(owed);
    }

    private void RequireOwned()
    {
        if (_place == Place.Away)
        {
            throw new InvalidOperationException($"A TOE owns {Flow}: upload it first.");
        }
    }

    /// <summary>RFC 9293 3.10.4: ESTABLISHED becomes FIN-WAIT-1 and CLOSE-WAIT LAST-ACK, though the FIN waits for what is queued.</summary>
    private void BeginShutdown()
    {
        if (_place is Place.Waiting or Place.Here)
        {
            TcpState next = ClosingStates.AfterClose(_state);
            _owesFin |= next != _state;
            _state = next;
        }
    }

    /// <summary>Puts the byte that stands for our FIN behind everything written.</summary>
    private void AppendFin(Running running, Microseconds now)
    {
        if (!_owesFin)
        {
            return;
        }

        try
        {
            running.Send.Limit = Math.Max(running.Send.Limit, running.Send.Count + 1);
            running.Send.Write([0]);
        }
        catch (OutOfBufferMemoryException)
        {
            _appendFinAt = now + AppendFinAgain;
            return;
        }

        _owesFin = false;
        _appendFinAt = Microseconds.Never;
        _fin = running.Send.End - 1;

        // Nagle's algorithm would hold the byte back behind a small segment; there is nothing left to wait for.
        _segment = _segment with { NagleEnabled = false };
        running.Engine.Update(_segment, now);
    }

    /// <summary>Sends what the engine decided, with our FIN's byte as the flag that it stands for.</summary>
    private void Flush(Running running)
    {
        if (_output.Count == 0)
        {
            return;
        }

        TransmitQueue queue = _output;
        if (_fin is { } fin)
        {
            queue = _withFin;
            queue.Clear();
            foreach (ref readonly OutgoingSegment segment in _output.Segments)
            {
                ref OutgoingSegment copy = ref queue.Append();
                copy = segment;
                if (copy.Length > 0 && copy.Seq + copy.Length > fin)
                {
                    copy.Length--;
                    copy.Flags |= TcpFlags.Fin;
                    Volatile.Write(ref _hasSentFin, true);

                    // RFC 3168 6.1.1: only data is.
                    copy.IsEcnCapable &= copy.Length > 0;
                }
            }
        }

        running.Framer.Flush(queue, running.Send);
        _output.Clear();
    }

    /// <summary>RFC 9293 3.10.7.4, eighth: a FIN in order. First whatever stands before it.</summary>
    private void TakeFin(Running running, in TcpSegment segment, Microseconds now)
    {
        SeqNum fin = segment.End - 1;
        SeqNum next = running.Engine.Variants.RcvNxt;
        running.Engine.Receive(
            segment with
            {
                Seq = next,
                Payload = segment.Payload[(next - segment.Seq)..],
                Flags = segment.Flags & ~TcpFlags.Fin,
            },
            now);
        if (running.Engine.Variants.RcvNxt != fin)
        {
            // No memory for its text: not acknowledged, so it comes again.
            return;
        }

        // Fifth comes before eighth: it may acknowledge ours.
        LookForAcknowledgedFin(running);
        _state = ClosingStates.AfterPeerFin(_state);

        running.Receive.Commit(fin);
        running.Receive.DiscardBeyond(fin);
        running.Receive.Rebase(fin + 1);
        SegmentVariants variants = running.Engine.Variants;
        variants.RcvNxt = fin + 1;
        variants.RcvWnd -= Math.Min(variants.RcvWnd, 1);

        // Also has it acknowledge at once.
        running.Engine.Restore(in variants, now);
        _owed |= Signals.Readable | Signals.EndOfInput;
    }

    /// <summary>RFC 9293 3.10.7.4, fifth: FIN-WAIT-1, CLOSING, LAST-ACK.</summary>
    private void LookForAcknowledgedFin(Running running)
    {
        if (_fin is { } fin && running.Engine.Variants.SndUna > fin)
        {
            _state = ClosingStates.AfterFinAcknowledged(_state);
            WatchFinWait2();
        }
    }

    /// <summary>A peer that never closes must not keep a connection that nobody uses; Linux's tcp_fin_timeout.</summary>
    private void WatchFinWait2()
    {
        if (_state == TcpState.FinWait2 && _isClosed && _finWait2EndsAt.IsNever)
        {
            _finWait2EndsAt = Stack.Now + Stack.Options.FinWait2Timeout;
        }
    }

    /// <summary>Both FINs are done with: TIME-WAIT is for the side whose FIN came first.</summary>
    private void EndOrderly(Running running, Microseconds now)
    {
        if (_state == TcpState.TimeWait)
        {
            Stack.Replace(this, new TimeWait(Stack, _connection, in running.Engine.Variants, now));
        }

        LetGo(null);
    }

    /// <summary>RFC 9293 3.10.7.4, second: an RST at RCV.NXT.</summary>
    private void ResetByPeer()
    {
        // In CLOSING and LAST-ACK both sides had said all: the connection just ends.
        bool isNews = _state is not (TcpState.Closing or TcpState.LastAck);
        LetGo(isNews ? new SocketException((int)SocketError.ConnectionReset) : null);
    }

    /// <summary>RFC 9293 3.8.3 (R2), 3.8.4, 3.10.8: the peer does not answer, or does not close.</summary>
    private void GiveUp(UploadReason reason) => LetGo(
        reason == UploadReason.None ? null : new SocketException((int)SocketError.TimedOut));

    /// <summary>RFC 9293 3.10.5: ABORT.</summary>
    private void AbortNow(Exception? error)
    {
        bool isReset = _state is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2 or TcpState.CloseWait;
        if (isReset && _place != Place.Away)
        {
            ManagedStackCounters.Count(ref Stack.Counters.ResetsSent);
            Stack.Send(Flow, (_running?.Engine.Variants ?? _initial).SndMax, default, TcpFlags.Rst);
        }

        LetGo(error);
    }

    /// <summary>The stack is done with the connection; the application may not be.</summary>
    private void LetGo(Exception? error)
    {
        bool inputHadEnded = ClosingStates.IsInputEnded(_state);
        bool inPlace = _place != Place.Away;
        _place = Place.Gone;
        _state = TcpState.Closed;
        _kept.Clear();
        _output.Clear();
        Stack.Schedule(this, Microseconds.Never);
        Stack.Remove(this);
        if (_running is { } running && inPlace)
        {
            // Nobody commits any more: memory that the application has posted goes back to it.
            running.Receive.DiscardBeyond(running.Receive.Committed);
            _owed |= running.Receive.OwesNotice ? Signals.Readable : Signals.None;
        }

        if (error is not null)
        {
            _outputError = error;
            _owed |= Signals.EndOfOutput;
            if (!inputHadEnded)
            {
                _inputError = error;
                _owed |= Signals.EndOfInput;
            }
        }

        if (_isClosed)
        {
            _owed |= Signals.Closed;
        }
    }
}
