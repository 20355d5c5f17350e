namespace TcpActors.Bench.Rows;

/// <summary>Who serves.</summary>
internal enum Contender
{
    /// <summary>.NET sockets on the kernel's TCP.</summary>
    Kernel,

    /// <summary>TcpActors.</summary>
    Engine,
}
