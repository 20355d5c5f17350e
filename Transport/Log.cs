using Microsoft.Extensions.Logging;

namespace TcpActors.Transport;

/// <summary>Every message that this project logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Warning, "Capture of {Link} to {File} stopped at {Bytes} bytes, its limit")]
    public static partial void CaptureFull(ILogger logger, string link, string file, long bytes);

    [LoggerMessage(2, LogLevel.Warning, "Capture of {Link} to {File} stopped: the file cannot be written")]
    public static partial void CaptureFailed(ILogger logger, Exception exception, string link, string file);
}
