using PacketDotNet;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Managed;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Data over connections that the managed host runs itself.</summary>
public sealed class ManagedDataSpecs
{
    private static readonly InMemoryLinkOptions Plain = new() { Capabilities = LinkCapabilities.None };

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(2, true, false)]
    [InlineData(3, false, true)]
    [InlineData(4, true, true)]
    public void Both_directions_carry_4_MiB_with_equal_hashes_and_then_close(int seed, bool ipv6, bool offloads)
    {
        using var pair = new ManagedPair(new ManagedPairOptions { IPv6 = ipv6, Link = offloads ? new InMemoryLinkOptions() : Plain });
        pair.A.Tap.Records = pair.B.Tap.Records = false;
        (ManagedEnd a, ManagedEnd b) = pair.Establish();

        ManagedExchange.Run(pair, a, b, 4 << 20, seed);

        a.Half.Close();
        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(70));
        Assert.Equal(["end of input", "closed"], a.Told);
        Assert.Equal(["end of input", "closed"], b.Told);
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
        Assert.Equal(0, pair.A.Pool.RentedBytes + pair.B.Pool.RentedBytes);
    }

    [Theory]
    [InlineData(11, true, true)]
    [InlineData(12, false, true)]
    [InlineData(13, true, false)]
    [InlineData(14, false, false)]
    public void With_1_percent_of_segments_lost_either_way_everything_arrives_and_closes(int seed, bool timestamps, bool sack)
    {
        var handshake = new HandshakeOptions { Timestamps = timestamps, Sack = sack };
        using var pair = new ManagedPair(new ManagedPairOptions { Link = Plain, HandshakeA = handshake, HandshakeB = handshake });
        pair.A.Tap.Records = pair.B.Tap.Records = false;
        var random = new Random(seed);
        pair.A.Tap.Loses = pair.B.Tap.Loses = _ => random.Next(100) == 0;
        (ManagedEnd a, ManagedEnd b) = pair.Establish();

        ManagedExchange.Run(pair, a, b, 1 << 20, seed);

        a.Half.Close();
        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(400));
        Assert.True(a.Told is ["end of input", "closed"] && b.Told is ["end of input", "closed"], $"seed {seed}");
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_independent_parser_finds_every_frame_of_a_tagged_connection_sound(bool ipv6)
    {
        using var pair = new ManagedPair(new ManagedPairOptions
        {
            IPv6 = ipv6,
            Link = Plain,
            Encapsulation = new MacEncapsulation(IsTagged: true, VlanId: 1234, Priority: 6),
        });
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Write(new byte[20_000]);
        pair.Settle();
        a.ReadAll();
        a.Half.Close();
        pair.Settle();
        b.Half.Close();
        pair.Settle();
        b.Half.Abort();

        SentSegment[] sent = [.. pair.A.Tap.Sent, .. pair.B.Tap.Sent];
        Assert.True(sent.Length > 15);
        foreach (SentSegment segment in sent)
        {
            var ethernet = (EthernetPacket)Packet.ParsePacket(LinkLayers.Ethernet, segment.Frame);
            var tag = Assert.IsType<Ieee8021QPacket>(ethernet.PayloadPacket);
            Assert.Equal((1234, 6), (tag.VlanIdentifier, (int)tag.PriorityControlPoint));
            var ip = Assert.IsAssignableFrom<IPPacket>(tag.PayloadPacket);
            Assert.True(ip is not IPv4Packet { ValidIPChecksum: false });
            var tcp = Assert.IsType<TcpPacket>(ip.PayloadPacket);
            Assert.True(tcp.ValidTcpChecksum);
            Assert.Equal(segment.Seq.Value, tcp.SequenceNumber);
            Assert.Equal(segment.Flags.HasFlag(TcpFlags.Fin), tcp.Finished);
        }
    }

    [Fact]
    public void A_frame_of_another_VLAN_is_not_for_this_host()
    {
        using var pair = new ManagedPair(new ManagedPairOptions { Encapsulation = new MacEncapsulation(IsTagged: true, VlanId: 5) });
        var builder = new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Encapsulation = new MacEncapsulation(IsTagged: true, VlanId: 6),
            Flow = FlowKey.From(new(pair.B.Address, 5000), pair.Listener.Local),
            Flags = TcpFlags.Syn,
        };

        pair.B.SendRaw(builder.ToArray());
        pair.A.Step();

        Assert.Equal(1, pair.A.Stack.Counters.NotForUs);
        Assert.Empty(pair.A.Tap.Sent);
    }

    [Theory]
    [InlineData(5, false, 1, 0)]
    [InlineData(6, false, 0, 1)]
    [InlineData(5, true, 0, 1)]
    public void A_segment_of_another_VLAN_or_to_another_station_reaches_no_TOE(int vlan, bool isElsewhere, int reaches, int counted)
    {
        using var pair = new ManagedPair(new ManagedPairOptions { Encapsulation = new MacEncapsulation(IsTagged: true, VlanId: 5) });
        FlowKey flow = FlowKey.From(pair.Listener.Local, new(pair.B.Address, 5000));
        FlowEntry entry = pair.A.Flows.Claim(in flow);
        var builder = new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = isElsewhere ? pair.B.Tap.Address : pair.A.Tap.Address,
            Encapsulation = new MacEncapsulation(IsTagged: true, (ushort)vlan),
            Flow = FlowKey.From(new(pair.B.Address, 5000), pair.Listener.Local),
            Flags = TcpFlags.Ack,
        };

        pair.B.SendRaw(builder.ToArray());
        pair.A.Step();

        Assert.Equal((reaches, counted), (entry.Count, pair.A.Dispatcher.Counters.OtherStation));
        Assert.Equal(counted, pair.A.Stack.Counters.NotForUs);
    }

    [Fact]
    public void A_reader_that_stops_closes_the_window_and_nothing_is_lost()
    {
        using var pair = new ManagedPair(new ManagedPairOptions
        {
            Change = static options => options with { ReceiveBufferLimit = 30_000 },
        });
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        byte[] bytes = new byte[200_000];
        new Random(21).NextBytes(bytes);
        b.Write(bytes);
        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(30));
        Assert.InRange(a.Receive.Unread, 20_000, 30_000);

        using var read = new MemoryStream();
        for (int i = 0; i < 100 && a.Told.Count == 0; i++)
        {
            read.Write(a.ReadAll());
            pair.Pass(Microseconds.FromMilliseconds(50));
        }

        read.Write(a.ReadAll());
        Assert.Equal(bytes, read.ToArray());
        Assert.Equal(["end of input"], a.Told);
    }

    [Fact]
    public void Urgent_data_is_received_in_line()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        SegmentVariants variants = b.Half.Query();
        var builder = new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = b.Half.Flow,
            Seq = variants.SndNxt,
            Ack = variants.RcvNxt,
            Flags = TcpFlags.Ack | TcpFlags.Urg | TcpFlags.Psh,
            UrgentPointer = 3,
            Window = 1000,
            Options = new TcpOptions { HasTimestamps = true, TsVal = pair.B.Tap.Sent[^1].Options.TsVal },
            Payload = "abc"u8,
        };

        pair.B.SendRaw(builder.ToArray());
        pair.A.Step();

        Assert.Equal("abc"u8.ToArray(), a.ReadAll());
        Assert.Equal(1, a.ReadableRings);
    }

    [Fact]
    public void A_neighbour_that_changes_its_MAC_address_gets_the_next_frame()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, _) = pair.Establish();
        MacAddress changed = MacAddress.Parse("02:00:00:00:00:99");

        pair.A.Stack.SetNeighbor(pair.B.Address, changed);
        a.Write("x"u8);

        Assert.Equal(changed, new MacAddress(pair.A.Tap.Sent[^1].Frame.AsSpan(0, 6)));
    }
}
