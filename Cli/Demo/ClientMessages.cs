namespace TcpActors.Cli.Demo;

/// <summary>What the demo's server has its client process do: one JSON object a line on the client's standard input.</summary>
internal sealed record ClientOrder
{
    public ConfigureOrder? Configure { get; init; }

    public TransferOrder? Transfer { get; init; }

    public ChangeMacOrder? ChangeMac { get; init; }
}

/// <summary>Give this interface this address.</summary>
internal sealed record ConfigureOrder(string Interface, string Address, int PrefixLength);

/// <summary>Connect there, send that many bytes and receive until the end.</summary>
internal sealed record TransferOrder(string Peer, long Bytes, ulong Seed);

/// <summary>Give this interface this MAC address.</summary>
internal sealed record ChangeMacOrder(string Interface, string Mac);

/// <summary>What the client process says: one JSON object a line on its standard output. Exactly one property is set.</summary>
internal sealed record ClientEvent
{
    /// <summary>It runs, in a network namespace of its own.</summary>
    public bool Ready { get; init; }

    /// <summary>The address was given.</summary>
    public bool Configured { get; init; }

    /// <summary>The interface's MAC address as the kernel reports it after the change.</summary>
    public string? Mac { get; init; }

    /// <summary>Both streams have ended.</summary>
    public EndDigest? Finished { get; init; }

    /// <summary>It cannot go on, and why.</summary>
    public string? Failed { get; init; }
}
