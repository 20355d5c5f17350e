using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Event;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <summary>Listens for one <see cref="Tcp.Bind"/>, and has each connection that is accepted be given its actor.</summary>
internal sealed class Listening : UntypedActor, IWithTimers
{
    /// <summary>Out of descriptors, most often: they come back as connections end.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly IOffloadHost _host;
    private readonly Tcp.Bind _bind;
    private readonly IActorRef _commander;
    private readonly MessagingSettings _settings;
    private ConnectionListener? _listener;
    private Task<Connection?>? _accepting;
    private int _wanted;

    public Listening(IOffloadHost host, Tcp.Bind bind, IActorRef commander)
    {
        (_host, _bind, _commander) = (host, bind, commander);
        _settings = MessagingSettings.Of(Context.System, bind.TcpSettings);
        _wanted = bind.PullMode ? 0 : int.MaxValue;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        // Off the actor's thread: a host makes a socket and starts TOEs, which takes a moment.
        (IOffloadHost host, Tcp.Bind bind) = (_host, _bind);
        _ = Task.Run(() => Listen(host, bind)).PipeTo(Self);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ConnectionListener listener:
                _listener = listener;
                Context.Watch(_bind.Handler);
                _commander.Tell(new Tcp.Bound(listener.EndPoint));
                Accept();
                break;
            case Status.Failure { Cause: var cause } when _listener is null:
                _commander.Tell(_bind.FailureMessage.WithCause((cause as AggregateException)?.InnerException ?? cause));
                Context.Stop(Self);
                break;
            case Tcp.ResumeAccepting resume when _bind.PullMode:
                _wanted = resume.BatchSize;
                Accept();
                break;
            case Accepted { Connection: { } connection }:
                _accepting = null;
                _wanted -= _bind.PullMode ? 1 : 0;
                Context.Parent.Tell(new TcpEntry.SetUp(connection, _bind.Handler, _bind.PullMode, _settings));
                Accept();
                break;
            case Accepted:
                // The host has ended.
                Context.Stop(Self);
                break;
            case Status.Failure:
                _accepting = null;
                Timers.StartSingleTimer(nameof(Again), Again.Instance, s_pause);
                break;
            case Again:
                Accept();
                break;
            case Tcp.Unbind:
                Close();
                Sender.Tell(Tcp.Unbound.Instance);
                Context.Stop(Self);
                break;
            case Tcp.Command command:
                Sender.Tell(command.FailureMessage.WithCause(new InvalidOperationException(
                    "A listener takes Unbind, and ResumeAccepting if it was bound in pull mode.")));
                break;
            case Terminated:
                // Nobody is there for what would be accepted.
                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        Close();
        _ = DiscardAsync(_accepting);
    }

    private static ConnectionListener Listen(IOffloadHost host, Tcp.Bind bind) => bind switch
    {
        { LocalAddress: not IPEndPoint } => throw new NotSupportedException($"Cannot listen on {bind.LocalAddress}: an IP end point is needed."),
        _ when bind.Options.Any() => throw new NotSupportedException(
            "Socket options cannot be given: OffloadHostOptions has options for all connections, and SO_REUSEADDR is on."),
        _ => host.Listen((IPEndPoint)bind.LocalAddress, bind.Backlog),
    };

    private static async Task DiscardAsync(Task<Connection?>? accepting)
    {
        try
        {
            if (accepting is not null && await accepting is { } connection)
            {
                ConnectionBridge.Discard(connection);
            }
        }
        catch (SocketException)
        {
            // There is nothing to discard.
        }
    }

    private void Accept()
    {
        if (_wanted > 0 && _accepting is null && _listener is { } listener)
        {
            _accepting = listener.AcceptAsync().AsTask();
            _ = _accepting.PipeTo(Self, success: static connection => new Accepted(connection));
        }
    }

    private void Close()
    {
        // It only closes a socket.
        _ = _listener?.DisposeAsync();
        _listener = null;
    }

    /// <param name="Connection">Null: there will be no more.</param>
    private sealed record Accepted(Connection? Connection) : IDeadLetterSuppression, INoSerializationVerificationNeeded;

    private sealed record Again : INoSerializationVerificationNeeded
    {
        public static Again Instance { get; } = new();
    }
}
