using System.Net;
using System.Net.NetworkInformation;
using PacketDotNet;
using PacketDotNet.Tcp;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

/// <summary>PacketDotNet is the oracle: an implementation that is not ours.</summary>
public class FrameBuilderSpecs
{
    [Theory]
    [InlineData(true, false, 1460)]
    [InlineData(true, true, 1)]
    [InlineData(false, false, 1440)]
    [InlineData(false, true, 0)]
    public void Another_implementation_reads_every_field_as_it_was_meant(bool ipv4, bool tagged, int payload)
    {
        EthernetPacket ethernet = Wire.Oracle(Wire.DataFrame(ipv4, tagged, payload));
        Assert.Equal(PhysicalAddress.Parse("020000000001"), ethernet.DestinationHardwareAddress);
        Assert.Equal(PhysicalAddress.Parse("020000000002"), ethernet.SourceHardwareAddress);
        var tag = ethernet.Extract<Ieee8021QPacket>();
        Assert.Equal(tagged, tag is not null);
        if (tag is not null)
        {
            Assert.Equal((1234, (IeeeP8021PPriority)5), (tag.VlanIdentifier, tag.PriorityControlPoint));
            Assert.False(tag.CanonicalFormatIndicator);
        }

        var ip = ethernet.Extract<IPPacket>();
        Assert.Equal(Wire.Flow(ipv4).RemoteAddress.ToIPAddress(), ip.SourceAddress);
        Assert.Equal(Wire.Flow(ipv4).LocalAddress.ToIPAddress(), ip.DestinationAddress);
        Assert.Equal((61, ProtocolType.Tcp), (ip.TimeToLive, ip.Protocol));
        if (ip is IPv4Packet v4)
        {
            Assert.Equal((4711, 0x2a, 2, 0, true), (v4.Id, v4.TypeOfService, v4.FragmentFlags, v4.FragmentOffset, v4.ValidIPChecksum));
        }
        else
        {
            Assert.Equal(0x2a, ((IPv6Packet)ip).TrafficClass);
        }

        var tcp = ethernet.Extract<TcpPacket>();
        Assert.Equal((443, 50000), (tcp.SourcePort, tcp.DestinationPort));
        Assert.Equal((4_000_000_000u, 77u), (tcp.SequenceNumber, tcp.AcknowledgmentNumber));
        Assert.Equal((0x18, 512, 0, true), (tcp.Flags, tcp.WindowSize, tcp.UrgentPointer, tcp.ValidTcpChecksum));
        Assert.Equal(Wire.Payload(payload), tcp.PayloadData ?? []);
        TimeStampOption timestamps = Assert.Single(tcp.OptionsCollection.OfType<TimeStampOption>());
        Assert.Equal((0x01020304u, 0xfffefdfcu), (timestamps.Value, timestamps.EchoReply));
        Assert.Equal(18, Assert.Single(tcp.OptionsCollection.OfType<SelectiveAcknowledgmentOption>()).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_implementation_builds_the_same_bytes(bool ipv4)
    {
        FlowKey flow = Wire.Flow(ipv4);
        var tcp = new TcpPacket(flow.LocalPort, flow.RemotePort)
        {
            SequenceNumber = 1,
            AcknowledgmentNumber = 2,
            WindowSize = 65535,
            Acknowledgment = true,
            Push = true,
            PayloadData = Wire.Payload(333),
        };
        (IPAddress local, IPAddress remote) = (flow.LocalAddress.ToIPAddress(), flow.RemoteAddress.ToIPAddress());
        IPPacket ip = ipv4
            ? new IPv4Packet(local, remote) { Id = 9, FragmentFlags = 2, TimeToLive = 64 }
            : new IPv6Packet(local, remote) { TimeToLive = 64 };
        ip.PayloadPacket = tcp;
        var ethernet = new EthernetPacket(
            PhysicalAddress.Parse("020000000001"), PhysicalAddress.Parse("020000000002"), ipv4 ? EthernetType.IPv4 : EthernetType.IPv6)
        {
            PayloadPacket = ip,
        };
        ethernet.UpdateCalculatedValues();
        ip.UpdateCalculatedValues();
        tcp.UpdateTcpChecksum();
        (ip as IPv4Packet)?.UpdateIPChecksum();

        byte[] ours = new FrameBuilder
        {
            SourceMac = Wire.OurMac,
            DestinationMac = Wire.PeerMac,
            Flow = flow,
            IpId = 9,
            Seq = new SeqNum(1),
            Ack = new SeqNum(2),
            Window = 65535,
            Flags = TcpFlags.Ack | TcpFlags.Psh,
            Payload = Wire.Payload(333),
        }.ToArray();
        Assert.Equal(ethernet.Bytes, ours);
    }

    [Fact]
    public void A_SYN_carries_the_options_of_the_handshake()
    {
        byte[] frame = new FrameBuilder
        {
            Flow = Wire.FlowV4,
            Flags = TcpFlags.Syn,
            Options = new TcpOptions { Mss = 1460, WindowScale = 7, SackPermitted = true, HasTimestamps = true, TsVal = 5 },
        }.ToArray();
        var tcp = Wire.Oracle(frame).Extract<TcpPacket>();
        Assert.True(tcp is { Synchronize: true, ValidTcpChecksum: true });
        Assert.Equal(1460, Assert.Single(tcp.OptionsCollection.OfType<MaximumSegmentSizeOption>()).Value);
        Assert.Equal(7, Assert.Single(tcp.OptionsCollection.OfType<WindowScaleFactorOption>()).ScaleFactor);
        Assert.Equal(5u, Assert.Single(tcp.OptionsCollection.OfType<TimeStampOption>()).Value);
        Assert.Single(tcp.OptionsCollection.OfType<SelectiveAcknowledgmentPermittedOption>());
    }

    [Fact]
    public void Options_beyond_40_bytes_and_packets_beyond_65535_are_refused()
    {
        var tooManyOptions = new TcpOptions { Mss = 1460, HasTimestamps = true, Sack = Wire.Sack(3) };
        Assert.Throws<ArgumentException>(() => new FrameBuilder { Flow = Wire.FlowV4, Options = tooManyOptions }.ToArray());
        Assert.Throws<ArgumentException>(() => new FrameBuilder { Flow = Wire.FlowV4, Payload = new byte[65496] }.ToArray());
        Assert.Equal(14 + 65535, new FrameBuilder { Flow = Wire.FlowV4, Payload = new byte[65495] }.ToArray().Length);
    }
}
