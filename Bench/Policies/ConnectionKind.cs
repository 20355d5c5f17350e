namespace TcpActors.Bench.Policies;

/// <summary>What connections of a load do: each asks so often, and is answered before it asks again.</summary>
/// <param name="Threads">Connections of this kind at a time.</param>
/// <param name="Connections">How many each thread opens, one after the other, for each unit of the load.</param>
/// <param name="Exchanges">Requests of a connection; where there is one connection for the whole load, for each unit.</param>
/// <param name="Request">Bytes of a request, its header of <see cref="ExchangeHeader.Length"/> among them.</param>
/// <param name="Answer">Bytes of an answer.</param>
/// <param name="IsLong">One connection of each thread lives as long as the load.</param>
internal sealed record ConnectionKind(int Threads, int Connections, int Exchanges, int Request, int Answer, bool IsLong = false)
{
    /// <summary>Connections of one thread in a load of so many units.</summary>
    public int ConnectionsIn(double units) => IsLong ? 1 : Math.Max(1, (int)(Connections * units));

    /// <summary>Exchanges of one connection in a load of so many units.</summary>
    public int ExchangesIn(double units) => IsLong ? Math.Max(1, (int)(Exchanges * units)) : Exchanges;

    /// <summary>Exchanges of all connections in a load of so many units.</summary>
    public long ExchangesOfAll(double units) => (long)Threads * ConnectionsIn(units) * ExchangesIn(units);

    /// <summary>Payload of both directions in a load of so many units.</summary>
    public long BytesIn(double units) => ExchangesOfAll(units) * (Request + Answer);
}
