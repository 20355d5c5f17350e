namespace TcpActors.HostSide;

/// <summary>
/// What the application's face of a connection tells whoever owns the connection's variables at the moment. Calls come from the
/// application's threads, outside every lock, and must not block: they ring a doorbell. The callee may coalesce them.
/// </summary>
public interface IConnectionOwner
{
    /// <summary>Bytes were written to the send buffer. Once for a flush, however many writes it covers.</summary>
    void DataReady();

    /// <summary>
    /// The application consumed enough that a window update may be due (RFC 9293 3.8.6.2.2). Not for every byte: for each quarter of the
    /// receive buffer or 128 KiB, and whenever the buffer was full.
    /// </summary>
    void WindowOpened();

    /// <summary>The application will write no more, and all it wrote is in the send buffer: a FIN may follow it.</summary>
    /// <param name="error">What the application gave as the reason: the connection is to be aborted. Null for an orderly end.</param>
    void OutputCompleted(Exception? error);

    /// <summary>The application will read no more. Bytes it left unread are still in the receive buffer.</summary>
    /// <param name="error">What the application gave as the reason; null for none.</param>
    void InputCompleted(Exception? error);
}
