namespace TcpActors.Transport.Links;

/// <summary>A link cannot be opened or used; the message says why and what to do about it.</summary>
public sealed class LinkException : Exception
{
    public LinkException(string message)
        : base(message)
    {
    }

    public LinkException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
