namespace TcpActors.HostSide.Policy;

/// <summary>Processor time that an owner of a connection takes for its work.</summary>
/// <param name="Exchange">For a <see cref="Work.Exchanges">segment that is not full</see>, in ns.</param>
/// <param name="ByteReceived">For a byte received, in ns.</param>
/// <param name="ByteSent">For a byte sent, in ns.</param>
public readonly record struct OwnerCosts(double Exchange, double ByteReceived, double ByteSent)
{
    /// <summary>In µs.</summary>
    public double Of(in Work work) =>
        ((Exchange * work.Exchanges) + (ByteReceived * work.BytesReceived) + (ByteSent * work.BytesSent)) / 1000;
}

/// <summary>
/// What a connection costs the machine in either place, and what moving it costs: straight lines through what was measured. Times are those of the whole
/// machine, both ends of the connection among them; what counts is the difference of the two places. The work is always as the kernel would have it: a TOE's
/// peers acknowledge less often, and the lines of the TOE have that in them.
/// </summary>
public sealed record CostModel
{
    /// <summary>What was measured on the machine of <c>Bench/POLICIES.md</c>.</summary>
    public static CostModel Measured { get; } = new();

    /// <summary>While the host's stack has it.</summary>
    public OwnerCosts Stack { get; init; } = new(Exchange: 18_740, ByteReceived: 0.193, ByteSent: 0.140);

    /// <summary>While a TOE has it.</summary>
    public OwnerCosts Toe { get; init; } = new(Exchange: 16_640, ByteReceived: 0.225, ByteSent: 0.156);

    /// <summary>An offload, in µs.</summary>
    public double Offload { get; init; } = 215;

    /// <summary>An upload, in µs. Each offload brings one: at the latest when the connection is closed.</summary>
    public double Upload { get; init; } = 215;

    /// <summary>There and back, in µs.</summary>
    public double Moves => Offload + Upload;

    /// <summary>What a TOE would save with that work, in µs; less than nothing where it is the dearer place.</summary>
    public double Saved(in Work work) => Stack.Of(in work) - Toe.Of(in work);
}
