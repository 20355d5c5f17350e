using TcpActors.HostSide;

namespace TcpActors.Kestrel;

/// <summary>How an ASP.NET Core application runs on TcpActors.</summary>
public sealed class TcpActorsOptions
{
    /// <summary>The host to listen with; it stays the caller's. Null: one made of <see cref="Offload"/>, which ends with the server.</summary>
    public IOffloadHost? Host { get; set; }

    /// <summary>
    /// What an own host is made from (policy, TOEs, capture file). Its log goes to the application's log. By itself it has no Nagle's
    /// algorithm, like Kestrel's own transport.
    /// </summary>
    public OffloadHostOptions Offload { get; set; } = new() { NoDelay = true };

    /// <summary>Connections that may wait to be accepted at one endpoint, as in listen(2).</summary>
    public int Backlog { get; set; } = 512;
}
