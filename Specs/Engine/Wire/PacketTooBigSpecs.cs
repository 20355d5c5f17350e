using System.Buffers.Binary;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class PacketTooBigSpecs
{
    [Theory]
    [InlineData(true, 8)]
    [InlineData(true, 60)]
    [InlineData(false, 8)]
    [InlineData(false, 400)]
    public void It_names_the_connection_the_segment_and_what_fits(bool ipv4, int quotedTcpBytes)
    {
        byte[] frame = Error(ipv4, quotedTcpBytes, mtu: 1400);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.True(PacketTooBig.TryParse(frame, in ip, out PacketTooBig tooBig));
        Assert.Equal(new PacketTooBig(Wire.Flow(ipv4), new SeqNum(4_000_000_000), 1400, (ipv4 ? 20 : 40) + 20 + 1000), tooBig);
    }

    [Fact]
    public void A_router_that_does_not_say_what_fits_is_heard()
    {
        byte[] frame = Error(ipv4: true, 8, mtu: 0);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.True(PacketTooBig.TryParse(frame, in ip, out PacketTooBig tooBig));
        Assert.Equal(0u, tooBig.NextHopMtu);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_wrong_checksum_is_refused(bool ipv4)
    {
        byte[] frame = Error(ipv4, 8, mtu: 1400);
        for (int at = ipv4 ? 34 : 54; at < frame.Length; at++)
        {
            frame[at] ^= 1;
            Assert.False(IpFrame.TryParse(frame, out IpFrame ip) && PacketTooBig.TryParse(frame, in ip, out _));
            frame[at] ^= 1;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_quotation_that_is_too_short_anywhere_is_refused(bool ipv4)
    {
        for (int quoted = -(ipv4 ? 20 : 40); quoted < 8; quoted++)
        {
            byte[] frame = Error(ipv4, quoted, mtu: 1400);
            Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
            Assert.False(PacketTooBig.TryParse(frame, in ip, out _));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_quotation_of_a_packet_that_the_addressed_host_never_sent_is_refused(bool ipv4)
    {
        byte[] frame = Error(ipv4, 8, mtu: 1400, sender: Wire.Flow(ipv4).Reversed);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.False(PacketTooBig.TryParse(frame, in ip, out _));
    }

    [Fact]
    public void Another_ICMP_message_and_a_TCP_segment_are_not_taken_for_it()
    {
        byte[] unreachable = Error(ipv4: true, 8, mtu: 1400, type: 3, code: 3);
        Assert.True(IpFrame.TryParse(unreachable, out IpFrame ip));
        Assert.False(PacketTooBig.TryParse(unreachable, in ip, out _));

        byte[] segment = Wire.DataFrame(ipv4: true, tagged: false, payload: 100);
        Assert.True(IpFrame.TryParse(segment, out ip));
        Assert.False(PacketTooBig.TryParse(segment, in ip, out _));
    }

    // RFC 9293 3.9.2.2, MUST-55 and MUST-56: source quench and soft errors change nothing; nor do hard ones (RFC 5461).
    [Theory]
    [InlineData(true, 4, 0)]
    [InlineData(true, 3, 0)]
    [InlineData(true, 3, 1)]
    [InlineData(true, 3, 2)]
    [InlineData(true, 3, 3)]
    [InlineData(true, 3, 5)]
    [InlineData(true, 11, 0)]
    [InlineData(true, 11, 1)]
    [InlineData(true, 12, 0)]
    [InlineData(false, 1, 0)]
    [InlineData(false, 1, 3)]
    [InlineData(false, 1, 4)]
    [InlineData(false, 3, 0)]
    [InlineData(false, 3, 1)]
    [InlineData(false, 4, 0)]
    [InlineData(false, 4, 1)]
    [InlineData(false, 4, 2)]
    public void No_other_ICMP_error_is_heard(bool ipv4, byte type, byte code)
    {
        byte[] frame = Error(ipv4, 8, mtu: 1400, type: type, code: code);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.False(PacketTooBig.TryParse(frame, in ip, out _));
    }

    /// <summary>An error from a router about a segment of ours with 1,000 bytes of payload.</summary>
    internal static byte[] Error(bool ipv4, int quotedTcpBytes, ushort mtu, FlowKey? sender = null, byte? type = null, byte? code = null)
    {
        byte[] sent = new FrameBuilder
        {
            Flow = sender ?? Wire.Flow(ipv4),
            Seq = new SeqNum(4_000_000_000),
            Payload = Wire.Payload(1000),
        }.ToArray()[14..];
        int headerLength = ipv4 ? 20 : 40;

        // A router on the way has lowered the TTL; the quoted header's checksum does not fit any more.
        sent[ipv4 ? 8 : 7]--;
        byte[] quoted = sent[..(headerLength + quotedTcpBytes)];
        byte[] icmp = [type ?? (byte)(ipv4 ? 3 : 2), code ?? (byte)(ipv4 ? 4 : 0), .. new byte[6], .. quoted];
        BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(6), mtu);

        // The frame of a TCP segment from the router, with the ICMP message in the place of the segment.
        byte[] frame = new FrameBuilder { Flow = Wire.Flow(ipv4).Reversed }.ToArray()[..(14 + headerLength)];
        frame[ipv4 ? 23 : 20] = (byte)(ipv4 ? 1 : 58);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(ipv4 ? 16 : 18), (ushort)(icmp.Length + (ipv4 ? 20 : 0)));
        InternetChecksum checksum = default;
        if (!ipv4)
        {
            checksum.AddPseudoHeader(Wire.FlowV6.RemoteAddress, Wire.FlowV6.LocalAddress, 58, icmp.Length);
        }

        checksum.Add(icmp);
        BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(2), checksum.Value);
        return Wire.Fixed([.. frame, .. icmp]);
    }
}
