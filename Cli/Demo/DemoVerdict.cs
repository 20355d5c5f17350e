namespace TcpActors.Cli.Demo;

/// <summary>What the demo found out: the object that <c>--json</c> prints.</summary>
internal sealed record DemoVerdict
{
    /// <summary>Whether everything held; the exit code says the same.</summary>
    public bool Held => Failures.Count == 0;

    /// <summary>What did not hold, one sentence each.</summary>
    public required IReadOnlyList<string> Failures { get; init; }

    /// <summary>Whether both streams arrived as they were sent, by what each end computed for itself.</summary>
    public bool Sha256Match { get; init; }

    /// <summary>By the server.</summary>
    public long BytesSent { get; init; }

    /// <summary>By the server.</summary>
    public long BytesReceived { get; init; }

    public int Offloads { get; init; }

    public int Uploads { get; init; }

    /// <summary>New versions of the segment-invariant variables that a TOE confirmed.</summary>
    public int InvariantUpdates { get; init; }

    /// <summary>Who owned the connection, one after the other.</summary>
    public IReadOnlyList<string> OwnerHistory { get; init; } = [];

    public string? Local { get; init; }

    public string? Remote { get; init; }

    /// <summary>Who steered the frames.</summary>
    public string? Steering { get; init; }

    /// <summary>Length of the transfer.</summary>
    public double Seconds { get; init; }

    public EndDigest? Server { get; init; }

    public EndDigest? Client { get; init; }
}
