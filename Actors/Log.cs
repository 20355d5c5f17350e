using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>Every log message of this project.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Connection {Connection} runs on {Owner} in epoch {Epoch}")]
    public static partial void Took(ILogger logger, ConnectionId connection, Epoch epoch, string owner);

    [LoggerMessage(2, LogLevel.Warning, "Connection {Connection} was refused by {Owner}: {Reason}")]
    public static partial void Refused(ILogger logger, ConnectionId connection, string owner, string reason);

    [LoggerMessage(3, LogLevel.Debug, "Connection {Connection}, epoch {Epoch}: {Owner} asks for an upload, {Reason}")]
    public static partial void UploadRequested(ILogger logger, ConnectionId connection, Epoch epoch, string owner, UploadReason reason);

    [LoggerMessage(4, LogLevel.Error, "Connection {Connection}, epoch {Epoch}: the engine of {Owner} failed; back to the last commit")]
    public static partial void EngineFailed(ILogger logger, Exception failure, ConnectionId connection, Epoch epoch, string owner);

    [LoggerMessage(5, LogLevel.Warning, "Connection {Connection}: {Owner} held epoch {Epoch}, which is past; it publishes nothing")]
    public static partial void StaleOwner(ILogger logger, ConnectionId connection, Epoch epoch, string owner);

    [LoggerMessage(6, LogLevel.Error, "The receiving thread of {Owner} ended")]
    public static partial void ReceiverFailed(ILogger logger, Exception failure, string owner);

    [LoggerMessage(7, LogLevel.Error, "Connection {Connection} could not be taken by {Owner}")]
    public static partial void TakeFailed(ILogger logger, Exception failure, ConnectionId connection, string owner);

    [LoggerMessage(8, LogLevel.Error, "Connection {Connection} was offered to {Owner} by somebody who does not own it")]
    public static partial void NotOwned(ILogger logger, Exception failure, ConnectionId connection, string owner);
}
