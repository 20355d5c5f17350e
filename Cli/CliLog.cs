using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;

namespace TcpActors.Cli;

/// <summary>Every log message of this project.</summary>
internal static partial class CliLog
{
    [LoggerMessage(1, LogLevel.Warning, "Cannot accept at {EndPoint} at present: {Reason}")]
    public static partial void AcceptFailed(ILogger logger, IPEndPoint endPoint, string reason);

    [LoggerMessage(2, LogLevel.Information, "Serving with policy {Policy}; control socket {Control}")]
    public static partial void Serving(ILogger logger, string policy, string control);

    [LoggerMessage(3, LogLevel.Information, "Stopping: connections go back to the kernel, which closes them")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(4, LogLevel.Debug, "Connection {Connection} with {Remote} ended early: {Reason}")]
    public static partial void EndedEarly(ILogger logger, ConnectionId connection, IPEndPoint remote, string reason);

    [LoggerMessage(5, LogLevel.Error, "The application failed on connection {Connection}; it is aborted")]
    public static partial void ApplicationFailed(ILogger logger, Exception exception, ConnectionId connection);

    [LoggerMessage(6, LogLevel.Warning, "Process {Process} of user {User} may not use the control socket")]
    public static partial void ControlRefused(ILogger logger, int process, uint user);

    [LoggerMessage(7, LogLevel.Warning, "A control command failed")]
    public static partial void ControlFailed(ILogger logger, Exception exception);

    [LoggerMessage(8, LogLevel.Warning, "No TOE serves {EndPoint}: connections over loopback stay in the kernel. "
        + "Listen on the address of another interface to have them offloaded")]
    public static partial void OnlyLoopback(ILogger logger, IPEndPoint endPoint);
}
