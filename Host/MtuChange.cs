namespace TcpActors.HostSide;

/// <summary>The largest IP packet that our own interface and route take, before and after; bytes.</summary>
internal readonly record struct MtuChange(int Former, int Now)
{
    /// <summary>
    /// A path is no wider than its first hop. It gets wider with it only where that was all that held it: RFC 1191 3 and RFC 8201 4
    /// start from the first hop, and a router that takes less will say so. What a router has said holds, as ten minutes (RFC 1191 6.3,
    /// RFC 8201 5.3) are not over, or nobody knows whether they are; the next move asks the stack.
    /// </summary>
    public int ApplyTo(int pathMtu) => Now < pathMtu || pathMtu == Former ? Now : pathMtu;
}
