using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;

namespace TcpActors.Specs.Claims;

/// <summary>Frames towards the host that its peer has not sent.</summary>
internal static class ForgedSegment
{
    /// <summary>A SYN to the served port from a station that nobody is.</summary>
    public static byte[] Syn(WireSegment model, InternetAddress from, ushort fromPort, uint number) => Write(new FrameBuilder
    {
        SourceMac = model.DestinationMac,
        DestinationMac = model.SourceMac,
        Flow = new FlowKey(from, model.Flow.LocalAddress, fromPort, model.Flow.LocalPort),
        Seq = new SeqNum(number),
        Flags = TcpFlags.Syn,
        Window = 65535,
        Options = new TcpOptions { Mss = 1460 },
    });

    /// <summary>An acknowledgement that the peer might have sent at this moment.</summary>
    /// <param name="report">The connection.</param>
    /// <param name="window">As it stands in the segment.</param>
    /// <param name="flags">Its flags.</param>
    public static byte[] FromPeer(ConnectionReport report, ushort window, TcpFlags flags = TcpFlags.Ack) => Write(new FrameBuilder
    {
        SourceMac = report.Segment!.Neighbor.Mac,
        DestinationMac = report.Segment.Neighbor.SourceMac,
        Flow = report.Connection!.Flow.Reversed,
        Seq = report.Variants.RcvNxt,
        Ack = report.Variants.SndUna,
        Flags = flags,
        Window = window,
        Options = report.Connection.TimestampsEnabled
            ? new TcpOptions { HasTimestamps = true, TsVal = report.Variants.TsRecent, TsEcr = 0 }
            : default,
    });

    private static byte[] Write(FrameBuilder builder)
    {
        byte[] bytes = new byte[HeaderTemplate.MaxLength];
        return bytes[..builder.Write(bytes)];
    }
}
