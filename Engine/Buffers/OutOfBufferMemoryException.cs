namespace TcpActors.Engine.Buffers;

/// <summary>A <see cref="ChunkPool"/> has lent as much as it may: the limit is too low for the connections that are open.</summary>
public sealed class OutOfBufferMemoryException : Exception
{
    public OutOfBufferMemoryException()
        : this("All buffer memory is in use.")
    {
    }

    public OutOfBufferMemoryException(string message)
        : base(message)
    {
    }

    public OutOfBufferMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
