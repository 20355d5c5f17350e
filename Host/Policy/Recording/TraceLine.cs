using System.Text.Json.Serialization;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>One line of a record: a JSON object whose first property <c>e</c> says which of these it is. Times are in µs of the host's clock.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "e")]
[JsonDerivedType(typeof(TraceBegin), "begin")]
[JsonDerivedType(typeof(TraceToes), "toes")]
[JsonDerivedType(typeof(TraceSample), "sample")]
[JsonDerivedType(typeof(TraceMoved), "moved")]
[JsonDerivedType(typeof(TraceHand), "hand")]
[JsonDerivedType(typeof(TraceEnding), "ending")]
[JsonDerivedType(typeof(TraceEnd), "end")]
[JsonDerivedType(typeof(TraceClose), "close")]
internal abstract record TraceLine
{
    /// <summary>When.</summary>
    public long T { get; init; }
}

/// <summary>The first line.</summary>
internal sealed record TraceBegin : TraceLine
{
    /// <summary>The only version there is.</summary>
    public const int Known = 1;

    public required int Version { get; init; }

    /// <summary>The policy that ruled meanwhile.</summary>
    public required string Policy { get; init; }

    /// <summary>Seconds between samples.</summary>
    public required double Interval { get; init; }

    /// <summary>Seconds that a connection stayed where it was moved to.</summary>
    public required double Hysteresis { get; init; }

    /// <summary>When it was, for people.</summary>
    public required DateTimeOffset Began { get; init; }
}

/// <summary>All connections were sampled: the TOEs' resources.</summary>
internal sealed record TraceToes : TraceLine
{
    public required IReadOnlyList<TraceToe> Toes { get; init; }
}

/// <summary>One TOE's resources.</summary>
internal sealed record TraceToe(string Name, bool IsLinkUp, int Capacity, int Connections, long MemoryUsed, long MemoryLimit);

/// <summary>A connection was sampled.</summary>
internal sealed record TraceSample : TraceLine
{
    /// <summary>Connection.</summary>
    public required long C { get; init; }

    public required long Age { get; init; }

    public required long Idle { get; init; }

    /// <summary>Received: bytes, segments, and both for each second.</summary>
    public required double[] Rx { get; init; }

    /// <summary>Sent, likewise.</summary>
    public required double[] Tx { get; init; }

    /// <summary>Retransmitted, time-outs, dropped, duplicates, out of order.</summary>
    public long[]? Errors { get; init; }

    /// <summary>The ratio; left out when it is 1.</summary>
    public double? Trend { get; init; }

    /// <summary>TCP's state; left out when it is ESTABLISHED.</summary>
    public string? Tcp { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsInputEnded { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsOutputEnded { get; init; }

    public string? Upper { get; init; }

    /// <summary>Why its TOE has offered it back; left out when it has not.</summary>
    public string? Offered { get; init; }

    /// <summary>Bytes of memory in its buffers.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Memory { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Priority { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }
}

/// <summary>A connection has moved, whoever wanted it.</summary>
internal sealed record TraceMoved : TraceLine
{
    public required long C { get; init; }

    /// <summary>Left out: back into the stack.</summary>
    public string? Toe { get; init; }
}

/// <summary>Somebody has said where a connection is to be.</summary>
internal sealed record TraceHand : TraceLine
{
    public required long C { get; init; }
}

/// <summary>The application ends a connection: all that it has done, as in <see cref="TraceSample"/>.</summary>
internal sealed record TraceEnding : TraceLine
{
    public required long C { get; init; }

    public required long[] Rx { get; init; }

    public required long[] Tx { get; init; }
}

/// <summary>A connection has ended.</summary>
internal sealed record TraceEnd : TraceLine
{
    public required long C { get; init; }
}

/// <summary>The last line.</summary>
internal sealed record TraceClose : TraceLine
{
    public required string Reason { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TraceLine))]
internal sealed partial class TraceJson : JsonSerializerContext
{
}
