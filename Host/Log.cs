using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <summary>Every log message of this project. The events of a connection's life carry connection, owner and epoch.</summary>
internal static partial class Log
{
    [LoggerMessage(40, LogLevel.Debug, "Connection {Connection}: policy {Policy} wants an {Move}, {Reason}")]
    public static partial void PolicyMoves(ILogger logger, ConnectionId connection, string policy, string move, string reason);

    [LoggerMessage(41, LogLevel.Error, "Policy {Policy} failed on {Message}; it goes on")]
    public static partial void PolicyFailed(ILogger logger, Exception failure, string policy, string message);

    [LoggerMessage(42, LogLevel.Warning, "The record of the policy has ended: {Reason}")]
    public static partial void RecordEnded(ILogger logger, string reason);

    [LoggerMessage(1, LogLevel.Debug, "Connection {Connection} is set up: {Local} - {Remote}")]
    public static partial void Registered(ILogger logger, ConnectionId connection, IPEndPoint local, IPEndPoint remote);

    [LoggerMessage(2, LogLevel.Information, "Connection {Connection} was offloaded to {Owner}, epoch {Epoch}")]
    public static partial void Offloaded(ILogger logger, ConnectionId connection, Epoch epoch, string owner);

    [LoggerMessage(3, LogLevel.Information, "Connection {Connection} was uploaded from {Owner}, epoch {Epoch}")]
    public static partial void Uploaded(ILogger logger, ConnectionId connection, Epoch epoch, string owner);

    [LoggerMessage(4, LogLevel.Information, "Connection {Connection}, epoch {Epoch}, is not offloaded: {Reason}")]
    public static partial void OffloadRefused(ILogger logger, ConnectionId connection, Epoch epoch, string reason);

    [LoggerMessage(5, LogLevel.Debug, "Connection {Connection}, epoch {Epoch}: {Owner} asks for an upload, {Reason}")]
    public static partial void UploadRequested(ILogger logger, ConnectionId connection, Epoch epoch, string owner, UploadReason reason);

    [LoggerMessage(6, LogLevel.Information, "Connection {Connection}, epoch {Epoch}: {Owner} works with version {Version} of the invariants")]
    public static partial void InvariantsUpdated(ILogger logger, ConnectionId connection, Epoch epoch, string owner, uint version);

    [LoggerMessage(16, LogLevel.Information, "{Owner} works with version {Version} of next hop {Neighbor}, for {Count} connections")]
    public static partial void NeighborUpdated(ILogger logger, string owner, NeighborId neighbor, uint version, int count);

    [LoggerMessage(17, LogLevel.Information, "{Owner} works with version {Version} of path {Path}, for {Count} connections")]
    public static partial void PathUpdated(ILogger logger, string owner, PathId path, uint version, int count);

    [LoggerMessage(7, LogLevel.Error, "Connection {Connection}, epoch {Epoch}: the stack does not take it back; it is lost")]
    public static partial void PutBackFailed(ILogger logger, Exception failure, ConnectionId connection, Epoch epoch);

    [LoggerMessage(8, LogLevel.Information, "Connection {Connection}, epoch {Epoch}: path MTU is {Mtu} now")]
    public static partial void PathMtuLowered(ILogger logger, ConnectionId connection, Epoch epoch, int mtu);

    [LoggerMessage(9, LogLevel.Debug, "Connection {Connection} has ended, epoch {Epoch}")]
    public static partial void Ended(ILogger logger, ConnectionId connection, Epoch epoch);

    [LoggerMessage(10, LogLevel.Error, "The host supervisor failed on {Message}; it goes on")]
    public static partial void SupervisorFailed(ILogger logger, Exception failure, string message);

    [LoggerMessage(11, LogLevel.Information, "TOE {Owner} runs on {Interface}; steering by {Steering}")]
    public static partial void ToeStarted(ILogger logger, string owner, string @interface, string steering);

    [LoggerMessage(12, LogLevel.Information, "The next hop {NextHop} has MAC address {Mac} now")]
    public static partial void NextHopMoved(ILogger logger, IPAddress nextHop, Engine.Wire.MacAddress mac);

    [LoggerMessage(18, LogLevel.Warning, "The next hop {NextHop} does not answer: nothing is sent to it until it does")]
    public static partial void NextHopGone(ILogger logger, IPAddress nextHop);

    [LoggerMessage(13, LogLevel.Warning, "The next hop {NextHop} could not be probed")]
    public static partial void ProbeFailed(ILogger logger, Exception failure, IPAddress nextHop);

    [LoggerMessage(14, LogLevel.Error, "Moving the bytes of a connection in the kernel failed; the connection is aborted")]
    public static partial void PumpFailed(ILogger logger, Exception failure);

    [LoggerMessage(15, LogLevel.Information, "The way to peers has changed: {News}")]
    public static partial void PathsChanged(ILogger logger, HostMessages.PathChanged news);

    [LoggerMessage(20, LogLevel.Warning, "A change of the network could not be followed yet; it is looked at again")]
    public static partial void MonitorFailed(ILogger logger, Exception failure);

    [LoggerMessage(21, LogLevel.Warning, "{Flow}: a step of giving up a move failed; the others were done")]
    public static partial void StepFailed(ILogger logger, Exception failure, Engine.Wire.FlowKey flow);

    [LoggerMessage(22, LogLevel.Error, "Connection {Connection}, epoch {Epoch}, could neither be offloaded nor go on; it is lost")]
    public static partial void TakeOutFailed(ILogger logger, Exception failure, ConnectionId connection, Epoch epoch);

    [LoggerMessage(30, LogLevel.Error, "Taking statistics failed; the next ones are tried as before")]
    public static partial void SamplerFailed(ILogger logger, Exception failure);
}
