using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <summary>
/// What an application may change about a connection while it lives, as it would with options of a socket. These are segment-invariant variables: the host writes them
/// and a TOE reads them (the patent's claim 13). Null: as it is.
/// </summary>
public sealed record ConnectionSettings
{
    // What Linux takes: include/net/tcp.h, MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT.
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_mostKeepAlive = TimeSpan.FromSeconds(32_767);

    /// <summary>Whether small segments leave at once, without Nagle's algorithm (RFC 9293 3.7.4).</summary>
    public bool? NoDelay { get; init; }

    /// <summary>Whether an idle peer is probed (RFC 9293 3.8.4).</summary>
    public bool? KeepAlive { get; init; }

    /// <summary>Idle time before the first probe: 1 to 32,767 s, in whole seconds.</summary>
    public TimeSpan? KeepAliveTime { get; init => field = WholeSeconds(value, nameof(KeepAliveTime)); }

    /// <summary>Time between probes: 1 to 32,767 s, in whole seconds.</summary>
    public TimeSpan? KeepAliveInterval { get; init => field = WholeSeconds(value, nameof(KeepAliveInterval)); }

    /// <summary>Unanswered probes after which the peer is given up: 1 to 127.</summary>
    public int? KeepAliveProbes { get; init => field = value is { } probes ? OptionValue.Within(probes, 1, 127) : null; }

    /// <summary>How long what was sent may stay unacknowledged (RFC 5482), in milliseconds: a day at most; zero: the number of retransmissions decides.</summary>
    public TimeSpan? UserTimeout { get; init => field = value is { } time ? OptionValue.Within(time, TimeSpan.Zero, TimeSpan.FromDays(1)) : null; }

    /// <summary>IP time-to-live, or hop limit: 1 at least.</summary>
    public byte? Ttl { get; init => field = value is { } ttl ? OptionValue.Within(ttl, (byte)1, byte.MaxValue) : null; }

    /// <summary>IP type of service, or traffic class. The two lowest bits are TCP's own (RFC 3168) and stay as they are.</summary>
    public byte? TypeOfService { get; init => field = (byte?)(value & ~3); }

    /// <summary>The most that is sent, in bytes a second; 0: no bound.</summary>
    public long? MaxPacingRate { get; init => field = value is { } rate ? OptionValue.Within(rate, 0, long.MaxValue) : null; }

    /// <summary>The same variables with what these say; the version is the caller's.</summary>
    internal SegmentInvariants Over(SegmentInvariants segment) => segment with
    {
        NagleEnabled = NoDelay is { } noDelay ? !noDelay : segment.NagleEnabled,
        KeepAliveEnabled = KeepAlive ?? segment.KeepAliveEnabled,
        KeepAliveTime = InMicroseconds(KeepAliveTime) ?? segment.KeepAliveTime,
        KeepAliveInterval = InMicroseconds(KeepAliveInterval) ?? segment.KeepAliveInterval,
        KeepAliveMaxProbes = KeepAliveProbes ?? segment.KeepAliveMaxProbes,
        UserTimeout = UserTimeout == TimeSpan.Zero ? Microseconds.Never : InMicroseconds(UserTimeout) ?? segment.UserTimeout,
        Ttl = Ttl ?? segment.Ttl,
        Tos = TypeOfService ?? segment.Tos,
        MaxPacingRate = MaxPacingRate ?? segment.MaxPacingRate,
    };

    private static Microseconds? InMicroseconds(TimeSpan? time) => time is { } there ? new Microseconds((long)there.TotalMicroseconds) : null;

    private static TimeSpan? WholeSeconds(TimeSpan? time, string option) =>
        time is not { } there ? null
        : OptionValue.Within(there, s_second, s_mostKeepAlive, option).Ticks % TimeSpan.TicksPerSecond == 0 ? there
        : throw new ArgumentOutOfRangeException(option, there, $"{option} is {there}: it must be whole seconds, as sockets take them.");
}
