namespace TcpActors.Cli;

/// <summary>Something the user can act on: the message is the one line that is shown, and says what to do.</summary>
internal sealed class CliException : Exception
{
    public CliException(string message)
        : base(message)
    {
    }

    public CliException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
