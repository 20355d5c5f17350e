namespace TcpActors.Actors.Contract;

/// <summary>Thrown when segment-variant variables are used by a side that has handed them over.</summary>
public sealed class OwnershipException : InvalidOperationException
{
    public OwnershipException(string message)
        : base(message)
    {
    }

    public OwnershipException()
    {
    }

    public OwnershipException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
