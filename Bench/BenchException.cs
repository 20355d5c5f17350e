namespace TcpActors.Bench;

/// <summary>A measurement that cannot be taken or believed; the message says why and, where there is a way, what to do.</summary>
internal sealed class BenchException : Exception
{
    public BenchException()
    {
    }

    public BenchException(string message)
        : base(message)
    {
    }

    public BenchException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
