using System.Buffers.Binary;
using PacketDotNet;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Buffers;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class HeaderTemplateSpecs
{
    [Theory]
    [InlineData(true, false, true, 0)]
    [InlineData(true, true, true, 3)]
    [InlineData(true, false, false, 4)]
    [InlineData(false, false, true, 2)]
    [InlineData(false, true, false, 0)]
    [InlineData(false, true, true, 4)]
    public unsafe void A_frame_is_the_one_that_the_builder_makes(bool ipv4, bool tagged, bool timestamps, int sackBlocks)
    {
        byte[] payload = Wire.Payload(777);
        HeaderTemplate template = Template(ipv4, tagged, timestamps);
        var run = new OutgoingSegment
        {
            Seq = new SeqNum(uint.MaxValue - 10),
            Ack = new SeqNum(99),
            Length = 777,
            SegmentSize = 1000,
            Flags = TcpFlags.Ack | TcpFlags.Psh,
            Window = 1234,
            IpId = 65535,
            TsVal = 11,
            TsEcr = 22,
            Sack = Wire.Sack(sackBlocks),
            IsEcnCapable = sackBlocks > 0,
        };

        byte[] header = new byte[HeaderTemplate.MaxLength];
        header.AsSpan().Fill(0xaa);
        int length;
        fixed (byte* bytes = payload)
        {
            var slices = new SendSlices { P0 = bytes, L0 = 333, P1 = bytes + 333, L1 = 444 };
            length = template.Write(header, in run, 0, in slices, partialChecksum: false);
        }

        // With timestamps only three blocks fit into the 40 bytes of options (RFC 2018 3).
        SackBlocks sack = Wire.Sack(timestamps ? Math.Min(sackBlocks, 3) : sackBlocks);
        byte[] expected = new FrameBuilder
        {
            SourceMac = Wire.OurMac,
            DestinationMac = Wire.PeerMac,
            Encapsulation = Wire.Encapsulation(tagged),
            Flow = Wire.Flow(ipv4),
            Ttl = 33,
            Tos = (byte)(sackBlocks > 0 ? 0x4a : 0x48),
            Seq = run.Seq,
            Ack = run.Ack,
            Flags = run.Flags,
            Window = run.Window,
            IpId = run.IpId,
            Options = timestamps
                ? new TcpOptions { HasTimestamps = true, TsVal = 11, TsEcr = 22, Sack = sack }
                : new TcpOptions { Sack = sack },
            Payload = payload,
        }.ToArray();
        byte[] frame = [.. header[..length], .. payload];
        Assert.Equal(expected, frame);
        Assert.Equal((template.LengthOf(in run), tagged ? 18 : 14), (length, template.NetworkOffset));
        Assert.True(Wire.Oracle(frame).Extract<TcpPacket>().ValidTcpChecksum);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void A_run_is_cut_into_segments_that_count_up_and_only_the_last_pushes(bool ipv4)
    {
        byte[] payload = Wire.Payload(2500);
        HeaderTemplate template = Template(ipv4, tagged: false, timestamps: true);
        OutgoingSegment run = Run(payload.Length);
        run.Flags |= TcpFlags.Cwr;
        byte[] header = new byte[HeaderTemplate.MaxLength];
        for (int i = 0; i < run.SegmentCount; i++)
        {
            int offset = i * 1000;
            int count = Math.Min(1000, payload.Length - offset);
            int length;
            fixed (byte* bytes = payload)
            {
                length = template.Write(header, in run, offset, new SendSlices { P0 = bytes + offset, L0 = count }, partialChecksum: false);
            }

            byte[] frame = [.. header[..length], .. payload.AsSpan(offset, count)];
            var tcp = Wire.Oracle(frame).Extract<TcpPacket>();
            Assert.Equal(((run.Seq + offset).Value, i == 2, i == 0), (tcp.SequenceNumber, tcp.Push, tcp.CongestionWindowReduced));
            Assert.True(tcp.ValidTcpChecksum);
            Assert.Equal(ipv4 ? (ushort)(65535 + i) : (ushort)0, Wire.Oracle(frame).Extract<IPv4Packet>()?.Id ?? 0);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void A_partial_checksum_becomes_right_when_the_link_adds_the_segment(bool ipv4)
    {
        byte[] payload = Wire.Payload(2500);
        HeaderTemplate template = Template(ipv4, tagged: false, timestamps: true);
        OutgoingSegment run = Run(payload.Length);
        byte[] frame = new byte[HeaderTemplate.MaxLength + payload.Length];
        int length;
        fixed (byte* bytes = payload)
        {
            length = template.Write(frame, in run, 0, new SendSlices { P0 = bytes, L0 = payload.Length }, partialChecksum: true);
        }

        payload.CopyTo(frame, length);
        frame = frame[..(length + payload.Length)];

        // What a NIC does: sum from the TCP header on, the field included, and put the complement into the field.
        BinaryPrimitives.WriteUInt16BigEndian(
            frame.AsSpan(template.TransportOffset + 16), InternetChecksum.Of(frame.AsSpan(template.TransportOffset)));
        Assert.True(Wire.Oracle(frame).Extract<TcpPacket>().ValidTcpChecksum);
        Assert.Equal(2500, Wire.Oracle(frame).Extract<TcpPacket>().PayloadData.Length);
    }

    [Fact]
    public unsafe void A_packet_longer_than_65535_bytes_is_refused()
    {
        byte[] payload = new byte[65535];
        OutgoingSegment run = Run(payload.Length);
        fixed (byte* bytes = payload)
        {
            var slices = new SendSlices { P0 = bytes, L0 = payload.Length - 52 };
            Template(ipv4: true, tagged: false, timestamps: true).Write(new byte[200], in run, 0, in slices, partialChecksum: true);
            slices.L0++;
            nint address = (nint)bytes;
            Assert.Throws<ArgumentException>(() => Template(ipv4: true, tagged: false, timestamps: true).Write(
                new byte[200], in run, 0, new SendSlices { P0 = (byte*)address, L0 = 65535 - 51 }, partialChecksum: true));
        }
    }

    [Fact]
    public unsafe void Writing_allocates_nothing()
    {
        HeaderTemplate template = Template(ipv4: false, tagged: true, timestamps: true);
        OutgoingSegment run = Run(1000);
        run.Sack = Wire.Sack(3);
        byte[] header = new byte[HeaderTemplate.MaxLength];
        byte[] payload = GC.AllocateArray<byte>(1000, pinned: true);
        fixed (byte* bytes = payload)
        {
            var slices = new SendSlices { P0 = bytes, L0 = 1000 };
            Assert.Equal(0, AllocationMeter.Measure(() => template.Write(header, in run, 0, in slices, partialChecksum: false)));
        }
    }

    private static OutgoingSegment Run(int length) => new()
    {
        Seq = new SeqNum(uint.MaxValue - 10),
        Ack = new SeqNum(99),
        Length = length,
        SegmentSize = 1000,
        Flags = TcpFlags.Ack | TcpFlags.Psh,
        Window = 1234,
        IpId = 65535,
    };

    private static HeaderTemplate Template(bool ipv4, bool tagged, bool timestamps) => new(
        new ConnectionInvariants
        {
            Flow = Wire.Flow(ipv4),
            InitialSendSequence = default,
            InitialReceiveSequence = default,
            TimestampsEnabled = timestamps,
        },
        new SegmentInvariants
        {
            Neighbor = new Neighbor { SourceMac = Wire.OurMac, Mac = Wire.PeerMac, Encapsulation = Wire.Encapsulation(tagged) },
            Path = new NetworkPath { Mtu = 1500 },
            EffectiveMss = 1000,
            Ttl = 33,

            // The ECN bits are not the invariants' to set.
            Tos = 0x4b,
        });
}
