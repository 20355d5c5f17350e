using System.Buffers.Binary;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class FrameParsingSpecs
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void A_frame_gives_back_what_was_put_into_it(bool ipv4, bool tagged)
    {
        byte[] frame = Wire.DataFrame(ipv4, tagged, 100);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.Equal((Wire.OurMac, Wire.PeerMac, Wire.Encapsulation(tagged)), (ip.DestinationMac, ip.SourceMac, ip.Encapsulation));
        Assert.Equal((ipv4, false), (ip.IsIPv4, ip.IsFragment));
        Assert.Equal((6, 61, 0x2a, 2), (ip.Protocol, ip.Ttl, ip.Tos, ip.Ecn));
        Assert.True(ip.TryGetFlow(frame, out FlowKey flow));
        Assert.Equal(Wire.Flow(ipv4), flow);
        Assert.True(ip.Packet.HasValidChecksum(ip.PayloadOf(frame)));

        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame), segmentSize: 0, ip.Ecn, out TcpSegment tcp));
        Assert.Equal((443, 50000), (tcp.SourcePort, tcp.DestinationPort));
        Assert.Equal((new SeqNum(4_000_000_000), new SeqNum(77), TcpFlags.Ack | TcpFlags.Psh), (tcp.Seq, tcp.Ack, tcp.Flags));
        Assert.Equal((512, 0, 1, 2), (tcp.Window, tcp.UrgentPointer, tcp.SegmentCount, tcp.Ecn));
        Assert.Equal((true, 0x01020304u, 0xfffefdfcu), (tcp.Options.HasTimestamps, tcp.Options.TsVal, tcp.Options.TsEcr));
        Assert.Equal(2, tcp.Options.Sack.Count);
        Assert.Equal(Wire.Sack(2)[1], tcp.Options.Sack[1]);
        Assert.Equal(Wire.Payload(100), tcp.Payload.ToArray());
        Assert.Equal(tcp.Seq + 100, tcp.End);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_Ethernet_padded_a_short_frame_with_is_no_payload(bool ipv4)
    {
        byte[] frame = [.. Wire.DataFrame(ipv4, tagged: false, payload: 1), 9, 9, 9, 9, 9, 9];
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame), out TcpSegment tcp));
        Assert.Equal(1, tcp.Payload.Length);
        Assert.True(ip.Packet.HasValidChecksum(ip.PayloadOf(frame)));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void A_frame_that_is_cut_off_anywhere_is_refused(bool ipv4, bool tagged)
    {
        byte[] frame = Wire.DataFrame(ipv4, tagged, 50);
        for (int length = 0; length < frame.Length; length++)
        {
            Assert.False(IpFrame.TryParse(Exactly(frame.AsSpan(0, length)), out _), $"cut after {length} bytes");
        }
    }

    [Fact]
    public void A_TCP_header_that_is_cut_off_anywhere_is_refused()
    {
        byte[] frame = Wire.DataFrame(ipv4: true, tagged: false, payload: 0);
        byte[] tcp = frame[34..];
        Assert.Equal(52, tcp.Length);
        for (int length = 0; length < tcp.Length; length++)
        {
            Assert.False(TcpSegment.TryParse(Exactly(tcp.AsSpan(0, length)), out _));
        }

        tcp[12] = 4 << 4;
        Assert.False(TcpSegment.TryParse(tcp, out _));
    }

    [Fact]
    public void An_IPv4_header_with_a_wrong_checksum_is_refused()
    {
        byte[] frame = Wire.DataFrame(ipv4: true, tagged: false, payload: 50);
        for (int at = 14; at < 34; at++)
        {
            frame[at] ^= 0x10;
            Assert.False(IpFrame.TryParse(frame, out _));
            frame[at] ^= 0x10;
        }
    }

    [Fact]
    public void A_changed_address_port_or_payload_byte_makes_the_TCP_checksum_wrong()
    {
        foreach (bool ipv4 in new[] { true, false })
        {
            byte[] original = Wire.DataFrame(ipv4, tagged: false, payload: 51);
            Assert.True(IpFrame.TryParse(original, out IpFrame ip));
            for (int at = ip.PayloadOffset; at < original.Length; at++)
            {
                byte[] frame = [.. original];
                frame[at] ^= 1;
                Assert.False(ip.Packet.HasValidChecksum(ip.PayloadOf(frame)));
            }

            byte[] moved = [.. original];
            moved[ipv4 ? 26 : 22] ^= 1;
            Assert.True(IpFrame.TryParse(Wire.Fixed(moved), out ip));
            Assert.False(ip.Packet.HasValidChecksum(ip.PayloadOf(moved)));
        }
    }

    [Fact]
    public void IPv4_options_are_stepped_over()
    {
        byte[] plain = Wire.DataFrame(ipv4: true, tagged: false, payload: 10);
        byte[] frame = [.. plain[..34], 1, 1, 1, 0, .. plain[34..]];
        frame[14] = 0x46;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(frame.Length - 14));
        Assert.True(IpFrame.TryParse(Wire.Fixed(frame), out IpFrame ip));
        Assert.Equal(38, ip.PayloadOffset);
        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame), out TcpSegment tcp));
        Assert.Equal(10, tcp.Payload.Length);
    }

    [Theory]
    [InlineData(0x2000, true, true)]
    [InlineData(0x2001, true, false)]
    [InlineData(0x3000, true, false)]
    [InlineData(0x0001, true, false)]
    [InlineData(0x4000, false, false)]
    [InlineData(0x8000, false, false)]
    public void IPv4_fragments_are_told_apart_and_belong_to_no_flow(int flagsAndOffset, bool isFragment, bool isFirst)
    {
        byte[] frame = Wire.DataFrame(ipv4: true, tagged: false, payload: 10);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(20), (ushort)flagsAndOffset);
        Assert.True(IpFrame.TryParse(Wire.Fixed(frame), out IpFrame ip));
        Assert.Equal((isFragment, isFirst, !isFragment), (ip.IsFragment, ip.Packet.IsFirstFragment, ip.TryGetFlow(frame, out _)));
    }

    [Fact]
    public void IPv6_extension_headers_are_walked_to_the_segment()
    {
        byte[] frame = WithExtensions(0, [60, 0, 1, 4, 0, 0, 0, 0], [43, 1, .. new byte[14]], [6, 0, 4, 0, 0, 0, 0, 0]);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.Equal(((byte)6, 54 + 32, false), (ip.Protocol, ip.PayloadOffset, ip.IsFragment));
        Assert.True(ip.Packet.HasValidChecksum(ip.PayloadOf(frame)));
        Assert.True(ip.TryGetFlow(frame, out FlowKey flow));
        Assert.Equal(Wire.FlowV6, flow);
        for (int length = 0; length < frame.Length; length++)
        {
            Assert.False(IpFrame.TryParse(Exactly(frame.AsSpan(0, length)), out _));
        }
    }

    [Theory]
    [InlineData(0x0001, true)]
    [InlineData(0x0000, true)]
    [InlineData(0x0008, false)]
    [InlineData(0x8001, false)]
    public void An_IPv6_fragment_header_makes_a_fragment(int offsetAndMore, bool isFirst)
    {
        byte[] frame = WithExtensions(44, [6, 0, (byte)(offsetAndMore >> 8), (byte)offsetAndMore, 0, 0, 0, 9]);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.Equal((true, isFirst), (ip.IsFragment, ip.Packet.IsFirstFragment));
        Assert.False(ip.TryGetFlow(frame, out _));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(8, false)]
    public void Only_behind_the_header_of_a_first_fragment_there_is_a_chain_to_walk(int offset, bool isWalked)
    {
        byte[] frame = WithExtensions(0, [44, 0, 1, 4, 0, 0, 0, 0], [60, 0, 0, (byte)(offset | 1), 0, 0, 0, 9], [6, 0, 1, 4, 0, 0, 0, 0]);
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.Equal((true, isWalked, isWalked ? 6 : 60), (ip.IsFragment, ip.Packet.IsFirstFragment, ip.Protocol));
        Assert.Equal(54 + (isWalked ? 24 : 16), ip.PayloadOffset);
    }

    // RFC 8200 4.2: what begins with 00 is skipped; Linux itself writes a jumbo payload option into merged segments.
    [Theory]
    [InlineData(0x05, 2, true)]
    [InlineData(0x3e, 4, true)]
    [InlineData(0xc2, 4, true)]
    [InlineData(0x3e, 5, false)]
    [InlineData(0x40, 0, false)]
    [InlineData(0x80, 4, false)]
    [InlineData(0xc9, 4, false)]
    public void Options_that_must_be_understood_are_refused_and_others_are_skipped(byte type, byte length, bool isTaken)
    {
        foreach (byte header in new byte[] { 0, 60 })
        {
            Assert.Equal(isTaken, IpFrame.TryParse(WithExtensions(header, [6, 0, type, length, 0, 0, 0, 0]), out _));
        }
    }

    [Fact]
    public void IPv6_extension_headers_that_run_out_of_the_packet_or_route_onwards_are_refused()
    {
        Assert.False(IpFrame.TryParse(WithExtensions(0, [6, 255, 0, 0, 0, 0, 0, 0]), out _));
        Assert.False(IpFrame.TryParse(WithExtensions(43, [6, 0, 0, 1, 0, 0, 0, 0]), out _));
    }

    [Fact]
    public void IPv4_mapped_addresses_on_an_IPv6_wire_never_name_an_IPv4_flow()
    {
        byte[] frame = Wire.DataFrame(ipv4: false, tagged: false, payload: 10);
        frame.AsSpan(22, 10).Clear();
        frame.AsSpan(32, 2).Fill(0xff);
        Assert.False(IpFrame.TryParse(frame, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_super_segment_too_long_for_its_length_field_is_whole(bool ipv4)
    {
        byte[] header = Wire.DataFrame(ipv4, tagged: false, payload: 0);
        header.AsSpan(ipv4 ? 16 : 18, 2).Clear();
        byte[] frame = [.. Wire.Fixed(header), .. new byte[100_000]];
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame), segmentSize: 1000, ecn: 0, out TcpSegment tcp));
        Assert.Equal((100_000, 100), (tcp.Payload.Length, tcp.SegmentCount));
    }

    [Fact]
    public void Other_protocols_are_no_IP_frames()
    {
        byte[] frame = Wire.DataFrame(ipv4: true, tagged: false, payload: 50);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0806);
        Assert.False(IpFrame.TryParse(frame, out _));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x86dd);
        Assert.False(IpFrame.TryParse(frame, out _));
    }

    [Fact]
    public void SYN_and_FIN_take_a_sequence_number_each()
    {
        var segment = new TcpSegment { Seq = new SeqNum(uint.MaxValue), Flags = TcpFlags.Syn | TcpFlags.Fin, Payload = new byte[] { 1, 2, 3 } };
        Assert.Equal((new SeqNum(4), 1), (segment.End, segment.SegmentCount));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1000, 1)]
    [InlineData(1001, 2)]
    [InlineData(3000, 3)]
    public void A_merged_run_says_how_many_segments_it_stands_for(int payload, int segments)
    {
        byte[] frame = Wire.DataFrame(ipv4: true, tagged: false, payload);
        Assert.True(TcpSegment.TryParse(frame.AsSpan(34), segmentSize: 1000, ecn: 0, out TcpSegment tcp));
        Assert.Equal(segments, tcp.SegmentCount);
    }

    private static byte[] WithExtensions(byte first, params byte[][] headers)
    {
        byte[] plain = Wire.DataFrame(ipv4: false, tagged: false, payload: 10);
        byte[] frame = [.. plain[..54], .. headers.SelectMany(header => header), .. plain[54..]];
        frame[20] = first;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(18), (ushort)(frame.Length - 54));
        return frame;
    }

    /// <summary>The same bytes with nothing after them, so that a read beyond their end is found.</summary>
    private static byte[] Exactly(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
