namespace TcpActors.HostSide.Managed;

/// <summary>What a managed stack has counted. Any thread adds; a reader sees each field whole.</summary>
internal sealed class ManagedStackCounters
{
    /// <summary>Frames that are no IP packets (ARP among them), or whose headers are malformed.</summary>
    public long NotIp;

    /// <summary>Frames of another VLAN, to another MAC address or to an IP address that is not ours.</summary>
    public long NotForUs;

    /// <summary>IP fragments: reassembly is not part of this stack's first form.</summary>
    public long Fragments;

    /// <summary>IP packets of other protocols.</summary>
    public long NotTcp;

    /// <summary>TCP segments whose header is cut off or impossible.</summary>
    public long Malformed;

    /// <summary>Segments that no state has a use for: dropped without an answer.</summary>
    public long Ignored;

    /// <summary>SYNs dropped because the listener's backlog is full.</summary>
    public long BacklogOverflow;

    /// <summary>Segments that came to the stack when a TOE had the connection already: looked up before the claim. They go after it.</summary>
    public long CameWhileAway;

    /// <summary>Segments not sent because the next hop's MAC address is not known.</summary>
    public long NoNeighbor;

    /// <summary>RSTs sent.</summary>
    public long ResetsSent;

    /// <summary>SYNs and SYN,ACKs sent again.</summary>
    public long SynRetransmissions;

    public static void Count(ref long counter) => Interlocked.Increment(ref counter);
}
