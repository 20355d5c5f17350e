using System.Net.Sockets;
using Akka.Actor;
using Akka.IO;
using TcpActors.Actors.Contract;

namespace TcpActors.HostSide.Messaging;

/// <summary>
/// A connection as an actor, with the messages of <see cref="Tcp"/>: it reads the connection and tells the handler, and writes what it is told to, with
/// bounded memory both ways. A user of <see cref="Connection"/> as any other, so it works whoever owns the variables.
/// </summary>
internal sealed partial class ConnectionBridge : UntypedActor
{
    private readonly Connection _connection;
    private readonly MessagingSettings _settings;
    private readonly bool _isPullMode;

    /// <summary>Who hears of the connection: the commander until a handler has been registered.</summary>
    private IActorRef _handler;
    private Phase _phase;
    private bool _keepsOpen;
    private bool _usesResumeWriting;
    private Tcp.CloseCommand? _closing;
    private IActorRef? _closer;
    private Tcp.ConnectionClosed? _closed;

    public ConnectionBridge(TcpEntry.SetUp setUp)
    {
        (_connection, _handler, _isPullMode, _settings) = (setUp.Connection, setUp.Commander, setUp.PullMode, setUp.Settings);
        _isReadingSuspended = setUp.PullMode;
        _writes = new PendingWrites(_settings.WriteQueueLimit);
        _credit = new MailboxCredit(_settings.MailboxLimit);
        IActorRef self = Self;
        _onReadable = () => self.Tell(Readable.Instance, ActorRefs.NoSender);
        _onFlushed = () => self.Tell(Flushed.Instance, ActorRefs.NoSender);
    }

    private enum Phase
    {
        /// <summary>Nobody has registered a handler yet: nothing is read, and what is written waits.</summary>
        Unregistered,
        Open,

        /// <summary>The peer has sent FIN and the handler wanted to go on writing.</summary>
        PeerClosed,

        /// <summary>To be closed when everything is written.</summary>
        Closing,

        /// <summary>FIN is sent, the peer's is waited for.</summary>
        HalfClosed,
    }

    /// <summary>Ends a connection that nobody is there for.</summary>
    public static void Discard(Connection connection)
    {
        connection.Abort();

        // It only completes both directions.
        _ = connection.DisposeAsync();
    }

    protected override void PreStart()
    {
        Context.Watch(_handler);
        Context.SetReceiveTimeout(_settings.RegisterTimeout);
        _handler.Tell(new Tcp.Connected(_connection.RemoteEndPoint, _connection.LocalEndPoint));
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Readable:
                _isReadReady = true;
                Read();
                break;
            case Flushed:
                OnFlushed();
                Read();
                break;
            case ActorIdentity identity when _credit.TryTake(identity):
                Read();
                break;
            case ActorIdentity { MessageId: Tcp.PeerClosed } when _phase == Phase.Open:
                _phase = Phase.Closing;
                FinishClosing();
                break;
            case ActorIdentity:
                break;
            case Tcp.WriteCommand write:
                OnWrite(write);
                break;
            case Tcp.Register register when _phase == Phase.Unregistered:
                Register(register);
                break;
            case Tcp.SuspendReading:
                _isReadingSuspended = true;
                break;
            case Tcp.ResumeReading:
                _isReadingSuspended = false;
                Read();
                break;
            case Tcp.ResumeWriting:
                ResumeWriting();
                break;
            case Tcp.Abort abort:
                _closer = Sender;
                StopWith(abort.Event);
                break;
            case Tcp.CloseCommand close when _closing is null:
                Close(close);
                break;
            case Tcp.Command command:
                Refuse(command, new InvalidOperationException($"{command.GetType().Name} does not fit: the connection is {Described()}."));
                break;
            case Terminated dead when dead.ActorRef.Equals(_handler):
                // Nobody is there for it: PostStop resets the connection.
                Context.Stop(Self);
                break;
            case ReceiveTimeout when _phase == Phase.Unregistered:
                Context.Stop(Self);
                break;
            default:
                if (!TryDrive(message))
                {
                    Unhandled(message);
                }

                break;
        }
    }

    protected override void PostStop()
    {
        if (_closed is null or Tcp.Aborted)
        {
            _connection.Abort();
        }

        // It only completes both directions: FIN behind everything written, or RST if something is unread.
        _ = _connection.DisposeAsync();
        if (_closed is not null)
        {
            HashSet<IActorRef> told = [_handler, .. _writes.Commanders, .. _acks.Select(each => each.Commander)];
            if (_closer is not null)
            {
                told.Add(_closer);
            }

            foreach (IActorRef each in told)
            {
                each.Tell(_closed);
            }
        }
    }

    private void Register(Tcp.Register register)
    {
        if (!register.Handler.Equals(_handler))
        {
            Context.Unwatch(_handler);
            Context.Watch(register.Handler);
        }

        (_handler, _keepsOpen, _usesResumeWriting) = (register.Handler, register.KeepOpenOnPeerClosed, register.UseResumeWriting);
        Context.SetReceiveTimeout(null);
        _phase = Phase.Open;
        Write();
        Read();
    }

    private void Close(Tcp.CloseCommand close)
    {
        (_closing, _closer) = (close, Sender);
        bool isPeerClosed = _phase == Phase.PeerClosed;
        if (_phase == Phase.Unregistered)
        {
            // What was written waits for a handler that will not come.
            StopWith(close.Event);
            return;
        }

        _hasEnded |= isPeerClosed;
        _phase = Phase.Closing;
        if (IsWriting)
        {
            // Who closes may go: what it wrote is sent all the same.
            Context.Unwatch(_handler);
        }

        FinishClosing();
    }

    /// <summary>Takes the last steps once everything is written.</summary>
    private void FinishClosing()
    {
        if (_phase != Phase.Closing || IsWriting)
        {
            return;
        }

        if (_closing is null)
        {
            StopWith(Tcp.PeerClosed.Instance);
        }
        else if (_closing is Tcp.ConfirmedClose && !_hasEnded)
        {
            _phase = Phase.HalfClosed;
            _connection.Output.Complete();
            Read();
        }
        else
        {
            StopWith(_closing.Event);
        }
    }

    private void OnEndOfInput()
    {
        _hasEnded = true;
        switch (_phase)
        {
            case Phase.HalfClosed:
                StopWith(Tcp.ConfirmedClosed.Instance);
                break;
            case Phase.Open when _keepsOpen:
                _phase = Phase.PeerClosed;
                _handler.Tell(Tcp.PeerClosed.Instance);
                break;
            case Phase.Open:
                // Its answers to what it has not come to yet are still to be written: it is asked, as in MailboxCredit.
                _handler.Tell(new Identify(Tcp.PeerClosed.Instance));
                break;
        }
    }

    private void Fail(Exception error) => StopWith(new Tcp.ErrorClosed(error.Message));

    private void StopWith(Tcp.ConnectionClosed closed)
    {
        _closed ??= closed;
        Context.Stop(Self);
    }

    private bool TryDrive(object message)
    {
        ConnectionId own = _connection.Id;
        object? complete = message switch
        {
            Offloading.Command.Offload offload => offload with { Connections = offload.Connections ?? [own] },
            Offloading.Command.Upload upload => upload with { Connections = upload.Connections ?? [own] },
            Offloading.Command.Query query => query with { Connection = query.Connection ?? own },
            Offloading.Command.Update update => update with { Connection = update.Connection ?? own },
            Offloading.Command.Subscribe subscribe => subscribe with { Connection = subscribe.Connection ?? own },
            Offloading.Command.Unsubscribe unsubscribe => unsubscribe with { Connection = unsubscribe.Connection ?? own },
            _ => null,
        };
        if (complete is not null)
        {
            Context.Parent.Forward(complete);
        }

        return complete is not null;
    }

    private void Refuse(Tcp.Command command, Exception why) => Sender.Tell(command.FailureMessage.WithCause(why));

    private string Described() => _phase switch
    {
        Phase.Unregistered => "waiting for Register",
        Phase.Open => "open and has a handler",
        Phase.PeerClosed => "open, and the peer has closed its half",
        _ => "being closed",
    };

    private static bool IsOfConnection(Exception e) => e is SocketException or IOException;
}
