namespace TcpActors.HostSide;

/// <summary>
/// What ended a connection, told as a socket tells it: once, to whichever call comes first. After that a read finds the end of the stream
/// and a write that the connection is shut down (EPIPE). Any thread.
/// </summary>
internal sealed class PendingError(Exception error)
{
    private Exception? _error = error;

    /// <summary>Whether nobody has been told yet.</summary>
    public bool IsPending => Volatile.Read(ref _error) is not null;

    /// <returns>Null when it was told already.</returns>
    public Exception? Take() => Interlocked.Exchange(ref _error, null);
}
