namespace TcpActors.HostSide.Policy.Recording;

/// <summary>What a policy would have done with a record.</summary>
public sealed record ReplayResult
{
    public required string Policy { get; init; }

    /// <summary>The policy that ruled while the record was made.</summary>
    public required string RecordedUnder { get; init; }

    /// <summary>Lines of the record.</summary>
    public required long Lines { get; init; }

    /// <summary>Why the record ends; null: it does not say, so whoever wrote it was cut off.</summary>
    public required string? End { get; init; }

    /// <summary>How long a connection stayed where it was moved to.</summary>
    public required double HysteresisSeconds { get; init; }

    /// <summary>Connections in the record.</summary>
    public required long Connections { get; init; }

    /// <summary>What they did.</summary>
    public required Work Work { get; init; }

    public required long Offloads { get; init; }

    public required long Uploads { get; init; }

    /// <summary>Uploads that no policy decides on: of connections that ended on a TOE.</summary>
    public required long ClosingUploads { get; init; }

    /// <summary>Moves that took back another one of the same connection less than two periods old.</summary>
    public required int Flaps { get; init; }

    /// <summary>Most moves of one connection by the policy within less than a period of <see cref="HysteresisSeconds"/>.</summary>
    public required int MostMovesInPeriod { get; init; }

    /// <summary>Processor time of the machine by the <see cref="CostModel"/>, in µs: an estimate.</summary>
    public required double CpuMicroseconds { get; init; }

    /// <summary>Of <see cref="CpuMicroseconds"/>, for each byte moved; null without any.</summary>
    public double? NanosecondsPerByte => Work.Bytes == 0 ? null : CpuMicroseconds * 1000 / Work.Bytes;
}
