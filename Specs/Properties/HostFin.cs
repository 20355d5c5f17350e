using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Properties;

/// <summary>
/// The end of a stream: the host that has taken a drained connection back sends the FIN, and sends it again until it is in order at the other
/// end; into a closed window too, where it is the octet that probes (RFC 9293 3.8.6.1). Everything else is still the engine's, as after a half-close.
/// </summary>
internal sealed class HostFin(World world, EngineNode node, EngineNode peer, ILink link)
{
    private static readonly Microseconds Interval = 200.ms;

    private ushort _ipId;

    /// <summary>Whether it has arrived in order, behind everything that was written.</summary>
    public bool HasArrived => peer.PeerFins > 0;

    public void Begin()
    {
        if (HasArrived)
        {
            return;
        }

        bool isDrained = node.Application.Written == node.Application.Behaviour.Bytes && node.Memory.Send.Una == node.Memory.Send.End;
        if (isDrained && !node.IsMoving)
        {
            Send();
        }

        world.After(Interval, Begin);
    }

    private unsafe void Send()
    {
        ref readonly SegmentVariants v = ref node.Variants;
        ConnectionInvariants connection = node.Setup.Connection;
        byte[] frame = new FrameBuilder
        {
            SourceMac = node.Setup.Segment.Neighbor.SourceMac,
            DestinationMac = node.Setup.Segment.Neighbor.Mac,
            Flow = connection.Flow,
            IpId = _ipId++,
            Seq = v.SndMax,
            Ack = v.RcvNxt,
            Flags = TcpFlags.Fin | TcpFlags.Ack,
            Window = (ushort)(v.RcvWnd >> connection.ReceiveWindowScale),
            Options = new TcpOptions
            {
                HasTimestamps = connection.TimestampsEnabled,
                TsVal = (uint)(node.Owner.Now.Value / connection.TimestampTick.Value) + v.TsOffset,
                TsEcr = v.TsRecent,
            },
        }.ToArray();
        fixed (byte* start = frame)
        {
            TxFrame sent = new() { Header = start, HeaderLength = frame.Length, TransportOffset = 34, IsIPv4 = true };
            link.Send(new ReadOnlySpan<TxFrame>(in sent));
        }
    }
}
