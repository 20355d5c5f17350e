namespace TcpActors.Engine.Congestion;

/// <summary>RFC 6928 2: the congestion window of a connection that has not measured its path.</summary>
public static class InitialWindow
{
    /// <param name="mss">SMSS in bytes.</param>
    /// <returns>Bytes.</returns>
    public static uint For(int mss) => (uint)Math.Min(10 * mss, Math.Max(2 * mss, 14600));
}
