namespace TcpActors.Bench.Rows;

/// <summary>Who serves.</summary>
internal enum Contender
{
    /// <summary>.NET sockets on the kernel's TCP.</summary>
    Kernel,

    /// <summary>TcpActors.</summary>
    Engine,

    /// <summary>TcpActors, with every connection left in the kernel.</summary>
    Never,

    /// <summary>TcpActors, with every connection offloaded as soon as it is set up.</summary>
    Always,

    /// <summary>TcpActors as it is by itself.</summary>
    Adaptive,
}
