using System.Net;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Links;

namespace TcpActors.HostSide.Managed;

/// <summary>What a <see cref="ManagedStack"/> is made of.</summary>
internal sealed record ManagedStackOptions
{
    /// <summary>Where it sends. Frames come from the link's receive loop.</summary>
    public required ILink Link { get; init; }

    /// <summary>The wheel that the link's receive loop advances.</summary>
    public required TimerWheel Wheel { get; init; }

    public MonotonicClock Clock { get; init; } = MonotonicClock.System;

    /// <summary>The host's own addresses.</summary>
    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    /// <summary>What TOEs call the interface that this link is (<see cref="IHostHalf.FindInterface"/>).</summary>
    public int InterfaceIndex { get; init; } = 1;

    public MacEncapsulation Encapsulation { get; init; } = MacEncapsulation.EthernetII;

    /// <summary>The secret key of RFC 6528 3: at least 16 bytes that nobody else knows.</summary>
    public required ReadOnlyMemory<byte> Secret { get; init; }

    /// <summary>What earlier connections have found out about their paths; null: each starts anew.</summary>
    public PathMemory? Memory { get; init; }

    public HandshakeOptions Handshake { get; init; } = new();

    public int SendBufferLimit { get; init; } = 4 << 20;

    public int ReceiveBufferLimit { get; init; } = 4 << 20;

    public string CongestionControl { get; init; } = SegmentInvariants.DefaultCongestionControl;

    /// <summary>A last word on the segment-invariants of a new connection: keep-alive, Nagle, time-outs.</summary>
    public Func<SegmentInvariants, SegmentInvariants> Tune { get; init; } = static invariants => invariants;

    /// <summary>RTO before the first measurement (RFC 6298 2.1).</summary>
    public Microseconds InitialRto { get; init; } = Microseconds.FromSeconds(1);

    /// <summary>R2 of a SYN (RFC 9293 3.8.3, MUST-23: at least 3 minutes, which 7 retransmissions from 1 s on make).</summary>
    public int MaxSynRetransmissions { get; init; } = 7;

    /// <summary>After how many retransmissions of its SYN,ACK a half-open connection is forgotten (Linux's tcp_synack_retries).</summary>
    public int MaxSynAckRetransmissions { get; init; } = 5;

    /// <summary>2 MSL (RFC 9293 3.4.2): how long TIME-WAIT lasts. Linux has 60 s, the RFC four minutes.</summary>
    public Microseconds TimeWait { get; init; } = Microseconds.FromSeconds(60);

    /// <summary>How long FIN-WAIT-2 lasts after the application has left and the peer does not close (Linux's tcp_fin_timeout).</summary>
    public Microseconds FinWait2Timeout { get; init; } = Microseconds.FromSeconds(60);
}
