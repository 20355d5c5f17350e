namespace TcpActors.Engine.State;

/// <summary>
/// How often a connection's variables have changed hands. It grows by one with every move; whoever holds an older epoch than the
/// connection's slot publishes nothing.
/// </summary>
public readonly record struct Epoch(uint Value)
{
    public Epoch Next => new(Value + 1);

    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
