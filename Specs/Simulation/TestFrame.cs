using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>Frames for specs of links: a segment whose sequence number tells it from others.</summary>
internal static class TestFrame
{
    /// <summary>Bytes of the frame: 54 of headers and 946 of payload.</summary>
    public const int Length = 1000;

    public static unsafe void Send(ILink link, uint number, byte tos = 0)
    {
        byte[] bytes = new FrameBuilder
        {
            Flow = Setup.Connection.Flow,
            Seq = new SeqNum(number),
            Flags = TcpFlags.Ack,
            Tos = tos,
            Payload = new byte[946],
        }.ToArray();
        fixed (byte* start = bytes)
        {
            TxFrame frame = new()
            {
                Header = start,
                HeaderLength = 54,
                Payload0 = start + 54,
                Payload0Length = 946,
                TransportOffset = 34,
                IsIPv4 = true,
            };
            link.Send(new ReadOnlySpan<TxFrame>(in frame));
        }
    }

    /// <summary>What has arrived, in order.</summary>
    public static List<Arrival> Receive(ILink link)
    {
        List<Arrival> arrivals = [];
        RxFrame[] frames = new RxFrame[8];
        for (int taken; (taken = link.Receive(frames, Microseconds.Zero)) > 0;)
        {
            foreach (ref readonly RxFrame frame in frames.AsSpan(0, taken))
            {
                bool isWhole = IpFrame.TryParse(frame.Bytes, out IpFrame ip)
                    && ip.Packet.HasValidChecksum(ip.PayloadOf(frame.Bytes))
                    && TcpSegment.TryParse(ip.PayloadOf(frame.Bytes), out _);
                uint number = isWhole && TcpSegment.TryParse(ip.PayloadOf(frame.Bytes), out TcpSegment segment) ? segment.Seq.Value : 0;
                arrivals.Add(new Arrival(number, isWhole, frame.Length, isWhole ? ip.Ecn : (byte)0));
                frame.Return();
            }
        }

        return arrivals;
    }

    /// <param name="Number">As sent; 0 when the frame is damaged.</param>
    /// <param name="IsWhole">Whether lengths and checksums are right.</param>
    /// <param name="Length">Bytes of the frame.</param>
    /// <param name="Ecn">The ECN field.</param>
    internal readonly record struct Arrival(uint Number, bool IsWhole, int Length, byte Ecn);
}
