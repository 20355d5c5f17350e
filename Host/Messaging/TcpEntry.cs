using Akka.Actor;
using Akka.IO;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Messaging;

/// <summary>
/// A host as an actor: what <see cref="TcpExt.Manager"/> is to kernel sockets. Takes <see cref="Tcp.Bind"/> and <see cref="Tcp.Connect"/> as that does,
/// and the commands of <see cref="Offloading"/>. Parent of every connection's actor, so that connections outlive the listener they came from.
/// </summary>
internal sealed class TcpEntry : UntypedActor
{
    private readonly IOffloadHost _host;
    private readonly SupervisorLine _line;

    public TcpEntry(IOffloadHost host, SupervisorLine line) => (_host, _line) = (host, line);

    protected override SupervisorStrategy SupervisorStrategy() => Tcp.ConnectionSupervisorStrategy;

    protected override void OnReceive(object message)
    {
        IActorRef sender = Sender;
        switch (message)
        {
            case Tcp.Bind bind:
                Context.ActorOf(Props.Create(() => new Listening(_host, bind, sender)));
                break;
            case Tcp.Connect connect:
                Context.ActorOf(Props.Create(() => new Dialling(_host, connect, sender)));
                break;
            case SetUp setUp:
                Context.ActorOf(Props.Create(() => new ConnectionBridge(setUp)));
                break;
            case Tcp.Command command:
                sender.Tell(command.FailureMessage.WithCause(new InvalidOperationException(
                    "A host takes Bind and Connect; a connection's commands go to its actor, the sender of Connected, a listener's to the sender of Bound.")));
                break;
            case Offloading.Command.Offload offload:
                _ = _host.OffloadAsync(offload.Connections).PipeTo(sender, Self);
                break;
            case Offloading.Command.Upload upload:
                _ = _host.UploadAsync(upload.Connections).PipeTo(sender, Self);
                break;
            case Offloading.Command.Query { Connection: { } connection }:
                _ = _line.AskAsync<HostReport>(done => new HostMessages.Report(done, connection)).PipeTo(
                    sender, Self, report => (object?)report.Connections.FirstOrDefault() ?? new Offloading.Answer.NotHere(connection));
                break;
            case Offloading.Command.Query:
                _ = _host.ListAsync().PipeTo(sender, Self, static reports => new Offloading.Answer.Reports(reports));
                break;
            case Offloading.Command.Update { Connection: { } connection } update:
                _ = _line.AskAsync<bool>(done => new HostMessages.Update(connection, update.Settings, done)).PipeTo(
                    sender, Self, isDone => isDone ? new Offloading.Answer.Updated(connection) : new Offloading.Answer.NotHere(connection));
                break;
            case Offloading.Command.Subscribe or Offloading.Command.Unsubscribe:
                _line.Supervisor.Forward(message);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>The host has set up a connection, which is to have an actor.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Commander">Who is told that it is there, and that is to register a handler.</param>
    /// <param name="PullMode">Whether the handler asks for each piece of what is received.</param>
    /// <param name="Settings">Its bounds.</param>
    internal sealed record SetUp(Connection Connection, IActorRef Commander, bool PullMode, MessagingSettings Settings) : INoSerializationVerificationNeeded;
}
