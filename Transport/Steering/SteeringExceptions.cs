namespace TcpActors.Transport.Steering;

/// <summary>The kernel refused something that steering asked for.</summary>
public class SteeringException : IOException
{
    public SteeringException(string message, int errno)
        : base(message) => Errno = errno;

    /// <summary>The kernel's error number (errno(3)), positive.</summary>
    public int Errno { get; }
}

/// <summary>No more flows can be steered. Offloading must be refused for want of capacity until flows are released.</summary>
public sealed class SteeringFullException : SteeringException
{
    public SteeringFullException(string message, int errno, int done)
        : base(message, errno) => Done = done;

    /// <summary>Of the flows that were to be claimed, how many were, from the first.</summary>
    public int Done { get; }
}

/// <summary>This way of steering cannot be had here: the right is missing, or the kernel lacks it. The message says which and what to do.</summary>
public sealed class SteeringUnavailableException : Exception
{
    public SteeringUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
