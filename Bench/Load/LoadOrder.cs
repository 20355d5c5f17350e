using System.Net;

namespace TcpActors.Bench.Load;

/// <summary>One run, as the loading process is asked for it.</summary>
/// <param name="Server">Where the server listens: address and port.</param>
/// <param name="ServerProcess">Whose CPU time is counted.</param>
/// <param name="Seconds">How long to measure.</param>
/// <param name="Check">Compare every byte at the receiving end; not for figures.</param>
internal sealed record LoadOrder(string Server, int ServerProcess, double Seconds, bool Check)
{
    public IPEndPoint EndPoint() => IPEndPoint.Parse(Server);

    /// <summary>Not measured: slow start, and the first segments after an offload.</summary>
    public double RampSeconds => Math.Min(0.25, Seconds / 4);
}
