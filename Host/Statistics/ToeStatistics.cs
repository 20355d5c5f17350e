using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>One TOE's resources and what it has done since it was started: a copy, which nothing changes any more.</summary>
public sealed record ToeStatistics
{
    public required string Name { get; init; }

    /// <summary>Whether its link can send and receive.</summary>
    public required bool IsLinkUp { get; init; }

    /// <summary>How long its actor has not answered the question how it is, which it is asked with each round of samples; zero: it has.</summary>
    public Microseconds SilentFor { get; init; }

    /// <summary>Most connections that it takes at a time.</summary>
    public required int Capacity { get; init; }

    /// <summary>Connections that it has now.</summary>
    public required int Connections { get; init; }

    /// <summary>Most bytes of memory for connections' buffers; one pool for all TOEs of a host.</summary>
    public required long BufferMemoryLimit { get; init; }

    /// <summary>How many of them are in use, by whichever connection of the host; what their variables are committed to is among it.</summary>
    public required long BufferMemoryUsed { get; init; }

    /// <summary>Frames its link has received; one that came as a super-segment counts once.</summary>
    public required long FramesReceived { get; init; }

    /// <summary>Bytes of these frames.</summary>
    public required long BytesReceived { get; init; }

    /// <summary>Frames its link has sent; a super-segment counts once.</summary>
    public required long FramesSent { get; init; }

    /// <summary>Bytes of these frames.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Of <see cref="BytesReceived"/> over the last sampling interval.</summary>
    public required double BytesReceivedPerSecond { get; init; }

    /// <summary>Of <see cref="BytesSent"/> over the last sampling interval.</summary>
    public required double BytesSentPerSecond { get; init; }

    /// <summary>Frames that the link had no room for.</summary>
    public required long DroppedByLink { get; init; }

    /// <summary>Frames for which the channel between link and dispatcher had no room.</summary>
    public required long DroppedByChannel { get; init; }

    /// <summary>Segments for which their flow's queue had no room, and those that the host passed on in vain.</summary>
    public required long DroppedByQueues { get; init; }

    /// <summary>Frames with wrong lengths or a wrong checksum.</summary>
    public required long DroppedAsInvalid { get; init; }

    /// <summary>Frames that the link did not take.</summary>
    public required long NotSent { get; init; }

    /// <summary>Connections it has taken.</summary>
    public required long MovesIn { get; init; }

    /// <summary>Connections it has given back.</summary>
    public required long MovesOut { get; init; }

    /// <summary>How often it has asked the host to take a connection back.</summary>
    public required long UploadRequests { get; init; }

    /// <summary>Connections it did not take.</summary>
    public required long Refusals { get; init; }

    /// <summary>How many connections more it would take.</summary>
    public int Free => Math.Max(0, Capacity - Connections);
}
