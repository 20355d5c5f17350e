using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Event;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <summary>Opens one connection for <see cref="Tcp.Connect"/>: at its end there is a <see cref="ConnectionBridge"/>, or the commander is told why not.</summary>
internal sealed class Dialling : UntypedActor
{
    private readonly IOffloadHost _host;
    private readonly Tcp.Connect _connect;
    private readonly IActorRef _commander;
    private readonly CancellationTokenSource _stop = new();

    public Dialling(IOffloadHost host, Tcp.Connect connect, IActorRef commander) => (_host, _connect, _commander) = (host, connect, commander);

    protected override void PreStart()
    {
        Context.Watch(_commander);
        if (_connect.Timeout is { } timeout)
        {
            _stop.CancelAfter(timeout);
        }

        _ = DialAsync().PipeTo(Self);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Dialled dialled when dialled.TryKeep():
                Context.Parent.Tell(new TcpEntry.SetUp(
                    dialled.Connection, _commander, _connect.PullMode, MessagingSettings.Of(Context.System, _connect.TcpSettings)));
                Context.Stop(Self);
                break;
            case Dialled:
                Fail(new OperationCanceledException());
                break;
            case Status.Failure { Cause: var cause }:
                Fail((cause as AggregateException)?.InnerException ?? cause);
                break;
            case Terminated:
                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        // A connection that comes in spite of that is nobody's: see Dialled.
        _stop.Cancel();
        _stop.Dispose();
    }

    private void Fail(Exception why)
    {
        _commander.Tell(_connect.FailureMessage.WithCause(
            why is OperationCanceledException ? new TimeoutException($"Connect timeout of {_connect.Timeout} expired.", why) : why));
        Context.Stop(Self);
    }

    private async Task<Dialled> DialAsync()
    {
        CancellationToken stop = _stop.Token;
        return new Dialled(await ConnectAsync(stop), stop);
    }

    private async Task<Connection> ConnectAsync(CancellationToken stop)
    {
        if (_connect.LocalAddress is not null || _connect.Options.Any())
        {
            throw new NotSupportedException(
                "A local address or socket options cannot be given: the host chooses the address by its routes; OffloadHostOptions has options for all connections.");
        }

        switch (_connect.RemoteAddress)
        {
            case IPEndPoint remote:
                return await ConnectAsync(remote, stop);
            case DnsEndPoint name:
                IPAddress[] addresses = await System.Net.Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, stop);
                return await FirstOfAsync(addresses, name.Port, stop);
            default:
                throw new NotSupportedException($"Cannot connect to {_connect.RemoteAddress}: IP and DNS end points are supported.");
        }
    }

    private async Task<Connection> FirstOfAsync(IPAddress[] addresses, int port, CancellationToken stop)
    {
        for (int i = 0; i < addresses.Length - 1; i++)
        {
            try
            {
                return await ConnectAsync(new IPEndPoint(addresses[i], port), stop);
            }
            catch (SocketException)
            {
                // There is another address.
            }
        }

        return await ConnectAsync(new IPEndPoint(addresses[^1], port), stop);
    }

    /// <summary>Off the actor's thread: a host looks for its TOEs first, which takes a moment.</summary>
    private Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken stop) => Task.Run(() => _host.ConnectAsync(remote, stop), stop);

    /// <summary>A connection that is discarded when the actor stops, or the time runs out, before it is kept.</summary>
    private sealed record Dialled : IDeadLetterSuppression, INoSerializationVerificationNeeded
    {
        private readonly CancellationTokenRegistration _discard;

        public Dialled(Connection connection, CancellationToken stop)
        {
            Connection = connection;
            _discard = stop.UnsafeRegister(static connection => ConnectionBridge.Discard((Connection)connection!), connection);
        }

        public Connection Connection { get; }

        public bool TryKeep() => _discard.Unregister();
    }
}
