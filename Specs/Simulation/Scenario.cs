using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Everything that shapes a run besides the seed and what the applications do: a path and a connection over it. It can be printed and read
/// again (<see cref="ScenarioText"/>).
/// </summary>
internal sealed record Scenario
{
    /// <summary>Bit/s of the bottleneck, in either direction; 0: no limit.</summary>
    public long Rate { get; init; } = 100.Mbit;

    /// <summary>Round trip without any queue; half of it each way.</summary>
    public Microseconds Rtt { get; init; } = Microseconds.FromMilliseconds(20);

    /// <inheritdoc cref="CableOptions.Jitter"/>
    public Microseconds Jitter { get; init; }

    /// <summary>Bytes that wait before the bottleneck at most; 0: as many as fit on the path, 64 KiB at least.</summary>
    public int Queue { get; init; }

    /// <inheritdoc cref="CableOptions.MarkAbove"/>
    public int MarkAbove { get; init; }

    public int Mtu { get; init; } = 1500;

    /// <summary>Whether super-segments travel whole, with unfinished checksums.</summary>
    public bool Offloads { get; init; }

    /// <summary>Bytes of every send buffer and of every receive buffer.</summary>
    public int Buffer { get; init; } = 1.MiB;

    /// <summary>Receive window that each end has been promised when it begins; 0: the whole buffer.</summary>
    public int Promised { get; init; }

    public string Congestion { get; init; } = "reno";

    public bool Sack { get; init; } = true;

    public bool Timestamps { get; init; } = true;

    public bool Nagle { get; init; }

    public bool Ecn { get; init; }

    /// <summary>From A to B, which is where most of the data goes.</summary>
    public Faults Faults { get; init; } = Faults.None;

    /// <summary>From B to A.</summary>
    public Faults FaultsBack { get; init; } = Faults.None;

    /// <summary>Frames of this size carry <see cref="Mss"/> bytes.</summary>
    public int FullFrame => Mtu + 14;

    /// <summary>Payload of a full-sized segment.</summary>
    public int Mss => Mtu - 40 - (Timestamps ? 12 : 0);

    /// <summary>Bytes that the queue holds.</summary>
    public int QueueBytes => Queue > 0 ? Queue : (int)Math.Max(64.KiB, Rate * Rtt.Value / 8_000_000);

    public override string ToString() => ScenarioText.Write(this);

    /// <summary>One direction of the cable.</summary>
    public CableOptions Cable(Bottleneck? shared = null) => new()
    {
        Rate = Rate,
        Delay = Rtt / 2,
        Jitter = Jitter,
        QueueBytes = QueueBytes,
        MarkAbove = MarkAbove,
        Mtu = Mtu,
        Capabilities = Offloads ? LinkCapabilities.SegmentationOffload | LinkCapabilities.ChecksumOffload : LinkCapabilities.None,
        Bottleneck = shared,
    };

    /// <summary>The end that stands at <paramref name="link"/>.</summary>
    /// <param name="link">Its end of the cable.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="local">Its address.</param>
    /// <param name="remote">The peer's.</param>
    /// <param name="first">Its first sequence number (of data).</param>
    /// <param name="peerFirst">The peer's.</param>
    public NodeSetup Node(ILink link, ILink peer, IPEndPoint local, IPEndPoint remote, SeqNum first, SeqNum peerFirst)
    {
        byte scale = 0;
        while (Buffer >> scale > ushort.MaxValue)
        {
            scale++;
        }

        uint window = (uint)(Promised > 0 ? Promised : Buffer) >> scale << scale;
        ConnectionInvariants connection = new()
        {
            Flow = FlowKey.From(local, remote),
            InitialSendSequence = first - 1,
            InitialReceiveSequence = peerFirst - 1,
            SendWindowScale = scale,
            ReceiveWindowScale = scale,
            SackPermitted = Sack,
            TimestampsEnabled = Timestamps,
            EcnNegotiated = Ecn,
            PeerMss = (ushort)(Mtu - 40),
        };
        return new NodeSetup
        {
            Connection = connection,
            Segment = new SegmentInvariants
            {
                Version = 1,
                Neighbor = new Neighbor { SourceMac = link.Address, Mac = peer.Address },
                Path = new NetworkPath { Mtu = Mtu },
                EffectiveMss = connection.EffectiveMss(Mtu),
                NagleEnabled = Nagle,
                ReceiveBufferLimit = Buffer,
                SendBufferLimit = Buffer,
                CongestionControl = Congestion,
            },
            Variants = SegmentVariants.Quiet with
            {
                SndUna = first,
                SndNxt = first,
                SndMax = first,
                SndWl1 = peerFirst,
                SndWl2 = first,
                SndWnd = window,
                MaxWindow = window,
                RcvNxt = peerFirst,
                RcvWnd = window,
                LastAckSent = peerFirst,
                RecoveryPoint = first - 1,
                TsOffset = first.Value,
                IpId = (ushort)first.Value,
            },
            SendBuffer = Buffer,
            ReceiveBuffer = Buffer,
        };
    }
}
