using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;
using TcpActors.Transport.Transmit;

namespace TcpActors.Actors;

/// <summary>
/// Owns one offloaded connection. Feeds waiting segments, the timer and the application's doorbells to the engine, commits the variables
/// once per batch and only then lets anything out: received bytes to the application, acknowledged memory to the sender, frames to the
/// link. An exception from the engine costs what came since the last commit, which to TCP is a lost packet.
/// </summary>
internal sealed partial class ConnectionActor : UntypedActor
{
    private const int FailuresBeforeUpload = 8;

    // Sixteen super-segments: enough to pay for a look at the link, little enough that acknowledgements do not wait for long.
    private const int MostInOneBatch = 16 * 65536;

    private readonly ConnectionSeat _seat;
    private readonly ToeContext _toe;
    private readonly TransmitQueue _output = new();
    private SegmentFramer? _framer;
    private readonly TcpEngine _engine;
    private readonly bool _restarted;
    private bool _failed;

    public ConnectionActor(ConnectionSeat seat)
    {
        (_seat, _toe) = (seat, seat.Toe);

        // After a restart Props still hold the first arguments: what counts is the last commit.
        SegmentVariants committed = seat.Memory.Slot.Read(out Epoch epoch);
        _unanswered = Unanswered(in committed);
        _restarted = epoch == seat.Epoch && seat.FailuresInARow > 0;
        _failed = _restarted;
        PostedMemory memory = seat.Memory;
        _engine = new TcpEngine(seat.Connection, seat.Segment, in committed, memory.Send, memory.Receive, _output, memory.Counters)
        {
            MostInOneBatch = MostInOneBatch,
        };
    }

    /// <summary>Static messages of the data path.</summary>
    internal sealed class Doorbell
    {
        private readonly string _name;

        private Doorbell(string name, int number) => (_name, Number) = (name, number);

        public static Doorbell Segments { get; } = new(nameof(Segments), 0);

        public static Doorbell Timer { get; } = new(nameof(Timer), 1);

        public static Doorbell Application { get; } = new(nameof(Application), 2);

        public static Doorbell Path { get; } = new(nameof(Path), 3);

        /// <summary>Every doorbell, at its number.</summary>
        public static Doorbell[] All { get; } = [Segments, Timer, Application, Path];

        public int Number { get; }

        public override string ToString() => _name;
    }

    /// <summary>Whoever is next in the seat's list gets a copy of the variables.</summary>
    internal sealed record ShowVariables
    {
        public static ShowVariables Instance { get; } = new();
    }

    protected override void PreStart()
    {
        Microseconds now = _toe.Clock.Now;
        if (!_restarted)
        {
            _engine.StartAfterMove(now);
        }

        _seat.Actor = Self;
        if (_seat.IsUploading)
        {
            // The instance before was on its way back to the host.
            BeginDrain(now);
        }

        _seat.Memory.Application.OwnedBy(_seat);
        _seat.Flow.Attach(_seat);
        NoteActivity(now);
        TakePathNews(now);
        Finish(now);
    }

    protected override void PreRestart(Exception reason, object message)
    {
        // The seat keeps everything; whoever waits in the queue rings again when the next instance attaches.
        _seat.FailuresInARow++;
        SegmentVariants committed = _seat.Memory.Slot.Read(out Epoch epoch);
        if (epoch == _seat.Epoch)
        {
            _engine.TakeBack(in committed);
        }
    }

    protected override void OnReceive(object message)
    {
        if (_seat.IsLeft)
        {
            return;
        }

        Microseconds now = _toe.Clock.Now;
        try
        {
            TakePathNews(now);
            switch (message)
            {
                case Doorbell bell:
                    Answer(bell, now);
                    break;
                case ShowVariables:
                    _seat.NextAsker()?.Tell(new Toe.Event.Variables(_seat.Id, _seat.Epoch, _engine.Variants, _seat.Segment, _engine.Counters));
                    return;
                case InvariantsUpdate update:
                    Apply(update, now);
                    break;
                case TooBig report:
                    Consider(report);
                    return;
                case FirstFragment fragment:
                    Consider(fragment);
                    return;
                case BeginUpload:
                    StartDrain(now);
                    break;
                case GoOn:
                    Stay();
                    break;
                default:
                    Unhandled(message);
                    return;
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Recover(e, now);
        }

        Finish(now);
    }

    private void Answer(Doorbell bell, Microseconds now)
    {
        if (ReferenceEquals(bell, Doorbell.Segments))
        {
            _seat.Flow.AnswerDoorbell();
            NoteActivity(now);
            TakeSegments(now);
        }
        else if (ReferenceEquals(bell, Doorbell.Timer))
        {
            _seat.AnswerTimer();
        }
        else if (ReferenceEquals(bell, Doorbell.Application))
        {
            _seat.AnswerApplication();
            NoteActivity(now);
        }
    }

    private void Take(in QueuedSegment queued, Microseconds now)
    {
        if (_seat.Requested == UploadReason.PeerReset)
        {
            _seat.Flow.KeepUnconsumed(in queued);
            return;
        }

        if (!TcpSegment.TryParse(queued.Tcp, queued.Frame.SegmentSize, queued.Ecn, out TcpSegment segment))
        {
            return;
        }

        if (_seat.Requested == UploadReason.PeerFin && segment.Has(TcpFlags.Rst) && segment.Seq == _seat.AfterFin)
        {
            // Exactly at RCV.NXT for the host, who will have taken the FIN (RFC 9293 3.10.7.4, second); here it seems one too far.
            _seat.Requested = UploadReason.PeerReset;
            _seat.Flow.KeepUnconsumed(in queued);
            return;
        }

        Verdict verdict = _engine.Receive(in segment, now);
        if (verdict.Kind == VerdictKind.UploadRequired)
        {
            _seat.Flow.KeepUnconsumed(in queued);
            Request(verdict.Reason);
            _seat.AfterFin = segment.End;
        }

        if (verdict.SynNotice)
        {
            _toe.Host.Tell(new Toe.Event.SynSeen(_seat.Id), Self);
        }
    }

    /// <summary>The end of every batch: timers, output, commit, and only then what others see.</summary>
    private void Finish(Microseconds now)
    {
        try
        {
            Verdict verdict = _engine.Fire(now);
            if (verdict.Kind == VerdictKind.UploadRequired)
            {
                Request(verdict.Reason);
            }

            _engine.Transmit(now);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Recover(e, now);
        }

        ref readonly SegmentVariants variants = ref _engine.Variants;
        if (!_seat.Memory.Slot.TryCommit(_seat.Epoch, in variants))
        {
            // A later epoch owns the connection: publish nothing and leave.
            Log.StaleOwner(_toe.Logger, _seat.Id, _seat.Epoch, _toe.Name);
            _output.Clear();
            _seat.Leave();
            Context.Stop(Self);
            return;
        }

        _seat.Memory.Receive.Commit(variants.RcvNxt);
        bool mayWrite = AllowWriter(in variants, now);

        Flush();
        if (!_failed)
        {
            _seat.FailuresInARow = 0;
        }

        _failed = false;

        if (_engine.ShouldDeliver || _seat.Memory.Receive.OwesNotice)
        {
            _seat.Memory.Application.NotifyReadable();
        }

        if (mayWrite)
        {
            _seat.Memory.Application.NotifyWritable();
        }

        _seat.IsSending = variants.SndUna != variants.SndMax;
        Suspect(in variants);
        TellPhase(in variants);
        if (_seat.IsUploading && MayLeave(in variants, now))
        {
            _seat.GiveBack(in variants, _seat.Requested);
            Context.Stop(Self);
            return;
        }

        LookAtActivity(now);
        _seat.SetTimer(Microseconds.Min(Microseconds.Min(_engine.NextDeadline, _drainUntil), _lookAt));
        if (_engine.HasMoreToSend)
        {
            _seat.RingSoon();
        }
    }

    /// <summary>Frees what was acknowledged and says how far ahead the application may write.</summary>
    /// <returns>Whether it is to be told. Not for what was sent: the acknowledgement is soon enough, and a writer woken less often writes more.</returns>
    private bool AllowWriter(in SegmentVariants variants, Microseconds now)
    {
        SendBuffer buffer = _seat.Memory.Send;
        bool isFreed = buffer.Una != variants.SndUna;
        if (isFreed)
        {
            buffer.FreeTo(variants.SndUna);
            Confirm(now);
        }

        _seat.IsWriter |= buffer.Count > 0;
        buffer.Allow((int)variants.Flight, _toe.WriteAhead.Share);
        return isFreed;
    }

    /// <summary>What a link does not take is lost on the way; the commit stands.</summary>
    private void Flush()
    {
        if (_output.Count == 0)
        {
            return;
        }

        try
        {
            _framer ??= new SegmentFramer(_toe.Link, new HeaderTemplate(_seat.Connection, _seat.Segment));
            _framer.Flush(_output, _seat.Memory.Send);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.EngineFailed(_toe.Logger, e, _seat.Id, _seat.Epoch, _toe.Name);
            _output.Clear();
            CountFailure();
        }
    }

    private void CountFailure()
    {
        _failed = true;
        if (++_seat.FailuresInARow == FailuresBeforeUpload)
        {
            Request(UploadReason.ResourceFailure);
        }
    }

    private void Apply(InvariantsUpdate update, Microseconds now)
    {
        if (update.Next.Version > _seat.Segment.Version)
        {
            WorkWith(update.Next.Over(_seat.Segment.Neighbor, _seat.Segment.Path, _seat.Connection), now);
        }

        _toe.Host.Tell(
            new Toe.Event.Updated { Connections = [new UpdatedVersion(_seat.Id, _seat.Segment.Version)] }, Self);
    }

    private void Recover(Exception failure, Microseconds now)
    {
        Log.EngineFailed(_toe.Logger, failure, _seat.Id, _seat.Epoch, _toe.Name);
        SegmentVariants committed = _seat.Memory.Slot.Read(out _);
        _engine.Restore(in committed, now);
        CountFailure();
    }
}
