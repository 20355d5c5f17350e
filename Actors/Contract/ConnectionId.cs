using System.Globalization;

namespace TcpActors.Actors.Contract;

/// <summary>A host's name for one connection: a number given once, in the order the connections were set up; never given again.</summary>
public readonly record struct ConnectionId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
