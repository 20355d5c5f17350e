using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Event;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <content>From the connection to the handler.</content>
internal sealed partial class ConnectionBridge
{
    private readonly MailboxCredit _credit;
    private readonly Action _onReadable;
    private ValueTaskAwaiter<ReadResult> _reading;

    /// <summary>Whether a read is under way, or has come to its end and its result was not taken.</summary>
    private bool _isReading;
    private bool _isReadReady;

    /// <summary>In pull mode after each piece, until the handler asks for the next one.</summary>
    private bool _isReadingSuspended;
    private bool _hasEnded;

    private bool MayRead =>
        _phase is Phase.Open or Phase.Closing or Phase.HalfClosed
        && !_isReadingSuspended && !_hasEnded && _closed is null && !_credit.IsSpent && !_writes.AreMany;

    /// <summary>Hands on what is there; asks for more when there is nothing.</summary>
    private void Read()
    {
        try
        {
            while (MayRead && IsReadable())
            {
                // A result that came while reading was suspended waited here: an error is told once, and not before it is asked for.
                (_isReading, _isReadReady) = (false, false);
                Deliver(_reading.GetResult());
            }
        }
        catch (Exception e) when (IsOfConnection(e))
        {
            Fail(e);
        }
    }

    /// <returns>Whether there is something; if not, the actor is told when there is.</returns>
    private bool IsReadable()
    {
        if (!_isReading)
        {
            _reading = _connection.Input.ReadAsync().GetAwaiter();
            _isReading = true;
            _isReadReady = _reading.IsCompleted;
            if (!_isReadReady)
            {
                _reading.UnsafeOnCompleted(_onReadable);
            }
        }

        return _isReadReady;
    }

    private void Deliver(ReadResult result)
    {
        int count = (int)Math.Min(result.Buffer.Length, _settings.LargestReceived);
        if (count == 0)
        {
            _connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                OnEndOfInput();
            }

            return;
        }

        // The handler may keep it as long as it likes.
        ReadOnlySequence<byte> piece = result.Buffer.Slice(0, count);
        ByteString data = ByteString.FromBytes(piece.ToArray());
        _connection.Input.AdvanceTo(piece.End);
        _isReadingSuspended |= _isPullMode;
        _handler.Tell(new Tcp.Received(data));
        _credit.Sent(count, _handler, Self);
    }

    private sealed record Readable : IDeadLetterSuppression, INoSerializationVerificationNeeded
    {
        public static Readable Instance { get; } = new();
    }
}
