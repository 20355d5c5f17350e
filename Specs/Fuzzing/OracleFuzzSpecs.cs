using PacketDotNet;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Fuzzing;

/// <summary>PacketDotNet, which is not ours, reads the same frames: what both take for a TCP segment has to say the same.</summary>
public sealed class OracleFuzzSpecs(ITestOutputHelper output)
{
    private const int Frames = 250_000;

    [Fact]
    public void What_PacketDotNet_reads_in_a_mangled_frame_is_what_we_read()
    {
        FrameMutator mutator = new(Replay.NamedSeed ?? 0xF022_0005);
        SegmentVariants v = SegmentVariants.Quiet with { SndMax = new SeqNum(5000), RcvWnd = 60_000, TsRecent = 100 };
        Span<byte> place = new byte[FrameMutator.Longest];
        (int compared, int badChecksums, int refusedByBoth, int ours, int theirs, int unasked) = (0, 0, 0, 0, 0, 0);
        for (int i = 0; i < Frames; i++)
        {
            byte[] frame = place[..mutator.Write(place, Flows.Of(i % FuzzedToe.Connections), v)].ToArray();
            if (!MayAsk(frame))
            {
                unasked++;
                continue;
            }

            TcpPacket? other = Read(frame);
            bool isOurs = IpFrame.TryParse(frame, out IpFrame ip) && !ip.IsFragment && ip.Protocol == IpPacket.Tcp;
            TcpSegment segment = default;
            isOurs = isOurs && TcpSegment.TryParse(ip.PayloadOf(frame), out segment);
            switch (isOurs, other is not null)
            {
                case (true, true):
                    compared++;
                    badChecksums += AssertSame(frame, ip, segment, other!) ? 0 : 1;
                    break;
                case (true, false):
                    ours++;
                    break;
                case (false, true):
                    // It does not compare lengths with one another, nor header checksums, and takes fragments for segments.
                    theirs++;
                    break;
                default:
                    refusedByBoth++;
                    break;
            }
        }

        output.WriteLine(
            $"{compared} read by both, {badChecksums} of them with a wrong checksum; {refusedByBoth} by neither, {ours} by us alone, {theirs} by PacketDotNet alone; "
            + $"{unasked} not asked about");
        Assert.InRange(compared, Frames / 2, Frames);
        Assert.InRange(badChecksums, Frames / 100, Frames);

        Assert.InRange(ours, 0, Frames / 100);
    }

    /// <summary>
    /// Whether TCP follows the IP header: over IPv6 with extension headers, and over other protocols, a damaged length can keep PacketDotNet busy for ever.
    /// </summary>
    private static bool MayAsk(byte[] frame) => frame.Length > 34
        && ((frame[12], frame[13], frame[23]) is (0x08, 0x00, IpPacket.Tcp) || (frame[12], frame[13], frame[20]) is (0x86, 0xdd, IpPacket.Tcp));

    private static bool AssertSame(byte[] frame, in IpFrame ip, in TcpSegment segment, TcpPacket other)
    {
        string hex = Convert.ToHexString(frame);
        var packet = (IPPacket)other.ParentPacket;
        AssertEqual(packet.SourceAddress.ToString(), ip.SourceAddress.ToString(), "source", hex);
        AssertEqual(packet.DestinationAddress.ToString(), ip.DestinationAddress.ToString(), "destination", hex);
        AssertEqual(packet.TimeToLive, ip.Ttl, "TTL", hex);
        AssertEqual((other.SourcePort, other.DestinationPort), (segment.SourcePort, segment.DestinationPort), "ports", hex);
        AssertEqual((other.SequenceNumber, other.AcknowledgmentNumber), (segment.Seq.Value, segment.Ack.Value), "numbers", hex);
        AssertEqual((byte)other.Flags, (byte)segment.Flags, "flags", hex);
        AssertEqual((other.WindowSize, (ushort)other.UrgentPointer), (segment.Window, segment.UrgentPointer), "window and urgent pointer", hex);
        AssertEqual(other.PayloadData?.Length ?? 0, segment.Payload.Length, "payload", hex);
        bool isRight = ip.Packet.HasValidChecksum(ip.PayloadOf(frame));
        AssertEqual(other.ValidTcpChecksum, isRight, "checksum", hex);
        return isRight;
    }

    private static void AssertEqual<T>(T theirs, T ours, string what, string hex)
    {
        if (!EqualityComparer<T>.Default.Equals(theirs, ours))
        {
            Assert.Fail($"The {what}: PacketDotNet reads {theirs}, we read {ours}, in {hex}");
        }
    }

    private static TcpPacket? Read(byte[] frame)
    {
        try
        {
            return Packet.ParsePacket(LinkLayers.Ethernet, frame).Extract<TcpPacket>();
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or InvalidOperationException or OverflowException
            or NotImplementedException or NotSupportedException)
        {
            return null;
        }
    }
}
