using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class WireFuzzSpecs
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_hundred_thousand_mangled_frames_are_parsed_within_their_bounds_or_refused(int seed)
    {
        var random = new Random(seed);
        byte[][] originals =
        [
            Wire.DataFrame(ipv4: true, tagged: false, payload: 30),
            Wire.DataFrame(ipv4: true, tagged: true, payload: 0),
            Wire.DataFrame(ipv4: false, tagged: false, payload: 30),
            Wire.DataFrame(ipv4: false, tagged: true, payload: 0),
            PacketTooBigSpecs.Error(ipv4: true, 20, mtu: 1400),
            PacketTooBigSpecs.Error(ipv4: false, 20, mtu: 1400),
        ];
        int parsed = 0;
        int refused = 0;
        for (int run = 0; run < 100_000; run++)
        {
            byte[] frame = Mangle(originals[random.Next(originals.Length)], random);
            if (!IpFrame.TryParse(frame, out IpFrame ip))
            {
                refused++;
                continue;
            }

            parsed++;
            Assert.InRange(ip.PayloadOffset, 34, frame.Length);
            Assert.InRange(ip.PayloadLength, 0, frame.Length - ip.PayloadOffset);
            ReadOnlySpan<byte> payload = ip.PayloadOf(frame);
            _ = ip.TryGetFlow(frame, out _);
            _ = ip.Packet.HasValidChecksum(payload);
            _ = PacketTooBig.TryParse(frame, in ip, out _);
            if (TcpSegment.TryParse(payload, out TcpSegment tcp))
            {
                Assert.InRange(tcp.Payload.Length, 0, payload.Length - 20);
            }
        }

        Assert.True(parsed > 10_000 && refused > 10_000, $"{parsed} parsed, {refused} refused");
    }

    private static byte[] Mangle(byte[] original, Random random)
    {
        byte[] frame = random.Next(3) == 0 ? original[..random.Next(original.Length + 1)] : [.. original];
        for (int changes = random.Next(4); changes > 0 && frame.Length > 0; changes--)
        {
            frame[random.Next(frame.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(1 << random.Next(8));
        }

        // Half of them with a right IPv4 header checksum, or that check would stop every one of them.
        if (frame.Length >= 34 && frame[14] >> 4 == 4 && random.Next(2) == 0)
        {
            int headerLength = Math.Min((frame[14] & 0xf) * 4, frame.Length - 14);
            if (headerLength >= 20)
            {
                frame[24] = frame[25] = 0;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(
                    frame.AsSpan(24), InternetChecksum.Of(frame.AsSpan(14, headerLength)));
            }
        }

        return frame;
    }
}
