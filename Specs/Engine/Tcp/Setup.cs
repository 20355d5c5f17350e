using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>Connections to begin a spec with.</summary>
internal static class Setup
{
    public static ConnectionInvariants Connection { get; } = new()
    {
        Flow = new FlowKey(
            InternetAddress.From(IPAddress.Parse("10.0.0.1")), InternetAddress.From(IPAddress.Parse("10.0.0.2")), 7, 40000),
        InitialSendSequence = new SeqNum(0),
        InitialReceiveSequence = new SeqNum(0),
        PeerMss = 1000,
    };

    public static SegmentInvariants Invariants { get; } = new()
    {
        Neighbor = new Neighbor { SourceMac = default, Mac = default },
        Path = new NetworkPath { Mtu = 1040 },
        EffectiveMss = 1000,

        // The one whose windows are easily told.
        CongestionControl = "reno",
    };

    public static SegmentVariants Variants(SeqNum sndNxt, SeqNum rcvNxt, uint sndWnd, uint rcvWnd) => SegmentVariants.Quiet with
    {
        SndUna = sndNxt,
        SndNxt = sndNxt,
        SndMax = sndNxt,
        SndWl1 = rcvNxt,
        SndWl2 = sndNxt,
        SndWnd = sndWnd,
        MaxWindow = sndWnd,
        RcvNxt = rcvNxt,
        RcvWnd = rcvWnd,
        LastAckSent = rcvNxt,
    };
}
