using System.Net;

namespace TcpActors.Bench.Load;

/// <summary>One run, as the loading process is asked for it.</summary>
/// <param name="Server">Where the server listens: address and port.</param>
/// <param name="ServerProcess">Whose CPU time is counted.</param>
/// <param name="Seconds">How long to measure.</param>
/// <param name="Check">Compare every byte at the receiving end; it costs time, so few figures are taken with it.</param>
/// <param name="Moves">The server moves the connection to and fro meanwhile.</param>
internal sealed record LoadOrder(string Server, int ServerProcess, double Seconds, bool Check, bool Moves = false)
{
    public IPEndPoint EndPoint() => IPEndPoint.Parse(Server);

    /// <summary>Not measured: slow start, and the first segments after an offload.</summary>
    public double RampSeconds => Math.Min(0.25, Seconds / 4);
}
