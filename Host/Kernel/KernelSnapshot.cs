using TcpActors.Actors.Contract;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>The two sets of variables that do not change with each segment, as they are when a connection leaves the kernel.</summary>
internal sealed class KernelSnapshot(FlowKey flow, SocketOptions options, Neighbor neighbor, NetworkPath path)
{
    private byte Ttl => (byte)(flow.IsIPv4
        ? options[TcpOption.LevelIPv4, TcpOption.IPv4Ttl]
        : options[TcpOption.LevelIPv6, TcpOption.IPv6Hops]);

    // The ECN bits are TCP's own.
    private byte Tos => (byte)((flow.IsIPv4
        ? options[TcpOption.LevelIPv4, TcpOption.IPv4Tos]
        : options[TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass]) & ~3);

    /// <summary>What the handshake settled.</summary>
    public ConnectionInvariants Connection(TcpRepair repair, FrozenSocket frozen) => new()
    {
        Flow = flow,
        InitialTtl = Ttl,
        InitialTos = Tos,
        InitialSendSequence = frozen.InitialSendSequence,
        InitialReceiveSequence = frozen.InitialReceiveSequence,
        SendWindowScale = frozen.Info.HasWindowScale ? frozen.Info.SendWindowScale : (byte)0,
        ReceiveWindowScale = frozen.Info.HasWindowScale ? frozen.Info.ReceiveWindowScale : (byte)0,
        SackPermitted = frozen.Info.HasSack,
        TimestampsEnabled = frozen.Info.HasTimestamps,
        TimestampTick = new Microseconds(frozen.Info.HasMicrosecondTimestamps ? 1 : 1000),
        EcnNegotiated = frozen.Info.HasEcn,
        PeerMss = (ushort)repair.MaxSegment,
    };

    /// <summary>The first version of what the TOE gets from the host.</summary>
    /// <param name="connection">What the handshake settled.</param>
    /// <param name="info">As it is now.</param>
    /// <param name="memory">The connection's buffers.</param>
    /// <param name="congestionControl">The host's choice; null: the socket's.</param>
    public SegmentInvariants Segment(ConnectionInvariants connection, in TcpInfo info, PostedMemory memory, string? congestionControl)
    {
        // The socket may keep to less than its route, as where the application has told it not to look for the path MTU.
        int ownLimit = info.PathMtu > 0 && info.PathMtu < path.Mtu ? (int)info.PathMtu : int.MaxValue;
        int userTimeout = options[TcpOption.LevelTcp, TcpOption.UserTimeout];

        // Zero where the kernel does not know the option: then its defaults are these.
        int rtoMin = options[TcpOption.LevelTcp, TcpOption.MinRtoMicroseconds];
        int rtoMax = options[TcpOption.LevelTcp, TcpOption.MaxRtoMilliseconds];
        return new SegmentInvariants
        {
            Neighbor = neighbor,
            Path = path,
            OwnMtuLimit = ownLimit,
            EffectiveMss = connection.EffectiveMss(Math.Min(path.Mtu, ownLimit)),
            Ttl = Ttl,
            Tos = Tos,
            NagleEnabled = options[TcpOption.LevelTcp, TcpOption.NoDelay] == 0,
            KeepAliveEnabled = options[TcpOption.LevelSocket, TcpOption.KeepAlive] != 0,
            KeepAliveTime = Microseconds.FromSeconds(options[TcpOption.LevelTcp, TcpOption.KeepIdle]),
            KeepAliveInterval = Microseconds.FromSeconds(options[TcpOption.LevelTcp, TcpOption.KeepInterval]),
            KeepAliveMaxProbes = options[TcpOption.LevelTcp, TcpOption.KeepCount],
            MinRto = rtoMin > 0 ? new Microseconds(rtoMin) : Microseconds.FromMilliseconds(200),
            MaxRto = rtoMax > 0 ? Microseconds.FromMilliseconds(rtoMax) : Microseconds.FromSeconds(120),
            UserTimeout = userTimeout == 0 ? Microseconds.Never : Microseconds.FromMilliseconds(userTimeout),
            ReceiveBufferLimit = Math.Min(options.ReceiveBufferLimit ?? memory.Receive.Limit, 65535 << connection.ReceiveWindowScale),
            SendBufferLimit = options.SendBufferLimit ?? memory.Send.Limit,
            MaxPacingRate = options.MaxPacingRate,
            CongestionControl = congestionControl
                ?? (CongestionControls.Has(options.CongestionControl) ? options.CongestionControl : SegmentInvariants.DefaultCongestionControl),
        };
    }
}
