using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Event;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <content>From whoever writes to the connection.</content>
internal sealed partial class ConnectionBridge
{
    /// <summary>Copied in one go: small writes that wait leave together.</summary>
    private const int LargestFlush = 64 << 10;

    private readonly PendingWrites _writes;

    /// <summary>Acknowledgements due when the flush that is under way has ended.</summary>
    private readonly List<(IActorRef Commander, Tcp.Event Ack)> _acks = [];
    private readonly Action _onFlushed;
    private ValueTaskAwaiter<FlushResult> _flushing;
    private bool _isFlushing;
    private bool _isWritingSuspended;
    private IActorRef? _resumer;

    /// <summary>Whether there is anything that the send buffer has not taken.</summary>
    private bool IsWriting => _isFlushing || !_writes.IsEmpty;

    private void OnWrite(Tcp.WriteCommand write)
    {
        if (_phase is Phase.Closing or Phase.HalfClosed)
        {
            Refuse(write, new InvalidOperationException("The connection is being closed: nothing more can be written."));
        }
        else if (_isWritingSuspended)
        {
            Refuse(write, new IOException("Writing is suspended, since a write failed: send ResumeWriting and wait for WritingResumed."));
        }
        else if (_writes.TryAdd(write, Sender) is { } refusal)
        {
            _isWritingSuspended = _usesResumeWriting && refusal is IOException;
            Refuse(write, refusal);
        }
        else
        {
            Write();
        }
    }

    private void ResumeWriting()
    {
        _isWritingSuspended = false;
        if (!IsWriting)
        {
            Sender.Tell(Tcp.WritingResumed.Instance);
        }
        else if (_resumer is null)
        {
            _resumer = Sender;
        }
        else
        {
            Refuse(Tcp.ResumeWriting.Instance, new InvalidOperationException("Another actor waits for WritingResumed already: use one writer."));
        }
    }

    /// <summary>Writes what waits, until the send buffer is full.</summary>
    private void Write()
    {
        try
        {
            while (!_isFlushing && !_writes.IsEmpty && _phase != Phase.Unregistered && _closed is null)
            {
                Fill();
                _flushing = _connection.Output.FlushAsync().GetAwaiter();
                _isFlushing = true;
                if (_flushing.IsCompleted)
                {
                    EndFlush();
                }
                else
                {
                    _flushing.UnsafeOnCompleted(_onFlushed);
                }
            }
        }
        catch (Exception e) when (IsOfConnection(e))
        {
            Fail(e);
        }
    }

    private void Fill()
    {
        int filled = 0;
        while (!_writes.IsEmpty && filled < LargestFlush)
        {
            Span<byte> room = _connection.Output.GetSpan();
            ByteString piece = _writes.Take(Math.Min(room.Length, LargestFlush - filled), out (IActorRef Commander, Tcp.Event? Ack)? done);
            if (!piece.IsEmpty)
            {
                piece.CopyTo(ref room, 0, piece.Count);
            }

            _connection.Output.Advance(piece.Count);
            filled += piece.Count;
            if (done is (var commander, { } ack))
            {
                _acks.Add((commander, ack));
            }
        }
    }

    private void OnFlushed()
    {
        try
        {
            EndFlush();
        }
        catch (Exception e) when (IsOfConnection(e))
        {
            Fail(e);
            return;
        }

        Write();
    }

    /// <exception cref="SocketException">What the connection failed with.</exception>
    private void EndFlush()
    {
        _isFlushing = false;
        if (_flushing.GetResult().IsCompleted)
        {
            throw new SocketException((int)SocketError.Shutdown);
        }

        foreach ((IActorRef commander, Tcp.Event ack) in _acks)
        {
            commander.Tell(ack);
        }

        _acks.Clear();
        if (_writes.IsEmpty)
        {
            _resumer?.Tell(Tcp.WritingResumed.Instance);
            _resumer = null;
            FinishClosing();
        }
    }

    private sealed record Flushed : IDeadLetterSuppression, INoSerializationVerificationNeeded
    {
        public static Flushed Instance { get; } = new();
    }
}
