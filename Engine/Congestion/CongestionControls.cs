namespace TcpActors.Engine.Congestion;

/// <summary>The algorithms by their names (as in Linux's <c>tcp_available_congestion_control</c>).</summary>
internal static class CongestionControls
{
    /// <exception cref="ArgumentException">When there is no algorithm of that name.</exception>
    public static ICongestionControl Named(string name) => name switch
    {
        "reno" => NewReno.Instance,
        _ => throw new ArgumentException($"There is no congestion control named '{name}'. Use 'reno'.", nameof(name)),
    };
}
