using System.Net;
using System.Runtime.InteropServices;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>The form of netlink messages; needs no kernel.</summary>
public sealed class NetlinkMessageSpecs
{
    [Fact]
    public void Attributes_are_padded_to_four_bytes_and_nests_count_what_is_in_them()
    {
        var builder = new NetlinkMessageBuilder("try").Begin(RtMessage.NewLink, NetlinkFlags.Ack, default(LinkHeader));
        builder.Text(3, "ab");
        using (builder.Nested(18))
            builder.Byte(1, 7).UInt16BigEndian(2, 0x0102);

        ReadOnlySpan<byte> datagram = builder.Finish(first: 41, out var answered, out var next);

        Assert.Equal((41u, 42u), (answered, next));
        Assert.Equal(
            "3c000000" + "1000" + "0500" + "29000000" + "00000000" + new string('0', 32)
            + "0700" + "0300" + "61620000"
            + "1400" + "1280" + "0500" + "0100" + "07000000" + "0600" + "0200" + "01020000",
            Convert.ToHexStringLower(datagram));
    }

    [Fact]
    public void What_was_written_is_read_again()
    {
        var builder = new NetlinkMessageBuilder("try").Begin(RtMessage.NewAddress, NetlinkFlags.None, new AddressHeader { LinkIndex = 5 });
        builder.Address(AddressAttribute.Local, IPAddress.Parse("fe80::1"));
        ReadOnlySpan<byte> datagram = builder.Finish(1, out _, out _);

        Assert.True(NetlinkMessage.TryRead(ref datagram, out var message));

        Assert.True(datagram.IsEmpty);
        Assert.Equal(new IPAddress(IPAddress.Parse("fe80::1").GetAddressBytes(), 5), AddressInfo.Parse(message)!.Address);
    }

    [Fact]
    public void A_batch_numbers_its_messages_and_is_answered_at_the_last_that_asks()
    {
        var builder = new NetlinkMessageBuilder("try")
            .Begin(1000, NetlinkFlags.None, 0)
            .Begin(1001, NetlinkFlags.Ack, 0)
            .Begin(1002, NetlinkFlags.Ack, 0)
            .Begin(1003, NetlinkFlags.None, 0);

        ReadOnlySpan<byte> datagram = builder.Finish(uint.MaxValue, out var answered, out var next);

        Assert.Equal((1u, 3u), (answered, next));
        var sequences = new List<uint>();
        while (NetlinkMessage.TryRead(ref datagram, out var message))
            sequences.Add(message.Sequence);
        Assert.Equal([uint.MaxValue, 0, 1, 2], sequences);
    }

    [Fact]
    public void An_attribute_that_is_too_large_is_refused_when_it_is_written()
    {
        var builder = new NetlinkMessageBuilder("try").Begin(1000, NetlinkFlags.None, 0);

        Assert.Throws<ArgumentException>(() => builder.Bytes(1, new byte[65_532]));
        Assert.Throws<InvalidOperationException>(() =>
        {
            using (builder.Nested(2))
                builder.Bytes(1, new byte[40_000]).Bytes(1, new byte[40_000]);
        });
    }

    [Fact]
    public void No_message_however_mangled_makes_the_readers_fail()
    {
        var random = new Random(20260);
        Span<byte> bytes = stackalloc byte[256];
        var understood = 0;
        for (var round = 0; round < 200_000; round++)
        {
            random.NextBytes(bytes);
            // Small lengths make it likely that headers and attributes are believed.
            for (var at = 16; at < bytes.Length; at += 4)
                MemoryMarshal.Write(bytes[at..], (ushort)random.Next(0, 24));
            MemoryMarshal.Write(bytes, random.Next(0, 300));
            MemoryMarshal.Write(bytes[4..], (ushort)random.Next(16, 32));
            ReadOnlySpan<byte> datagram = bytes[..random.Next(0, bytes.Length)];
            while (NetlinkMessage.TryRead(ref datagram, out var message))
            {
                understood += LinkInfo.Parse(message) is null ? 0 : 1;
                understood += NeighborInfo.Parse(message) is null ? 0 : 1;
                understood += RouteInfo.Parse(message) is null ? 0 : 1;
                understood += AddressInfo.Parse(message) is null ? 0 : 1;
            }
        }

        Assert.True(understood > 1_000);
    }
}
