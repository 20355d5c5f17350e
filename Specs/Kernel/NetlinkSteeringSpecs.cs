using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class NetlinkSteeringSpecs
{
    private const uint Mark = 0x7c9a_0001;
    private const int MicrosecondsOfSilence = 150_000;
    private static readonly InternetAddress s_server = InternetAddress.From(IPAddress.Parse("10.77.0.1"));
    private static readonly InternetAddress s_client = InternetAddress.From(IPAddress.Parse("10.77.0.2"));
    private static readonly InternetAddress s_server6 = InternetAddress.From(IPAddress.Parse("fd77::1"));
    private static readonly InternetAddress s_client6 = InternetAddress.From(IPAddress.Parse("fd77::2"));

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void The_kernel_neither_receives_nor_sends_for_a_claimed_flow_and_goes_on_after_its_release(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect(family);
        using var other = hosts.Connect(family);
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));

        steering.Claim(connection.ServerFlow);
        connection.Client.Send("to the server"u8);
        connection.Server.Send("to the client"u8);

        Assert.Equal("others pass", Exchange(other.Client, other.Server, "others pass"));
        Assert.Equal("both ways", Exchange(other.Server, other.Client, "both ways"));
        Assert.False(connection.Server.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));
        Assert.False(connection.Client.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));

        Assert.True(steering.Release(connection.ServerFlow));

        Assert.Equal("to the server", Read(connection.Server));
        Assert.Equal("to the client", Read(connection.Client));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void The_receive_mark_alone_lets_the_kernel_receive_and_the_send_fence_alone_keeps_it_silent(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect(family);
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark, new SteeringParts(DropInKernel: false)));
        steering.Claim(connection.ServerFlow);

        connection.Client.Send("in"u8);
        connection.Server.Send("out"u8);

        Assert.Equal("in", Read(connection.Server));
        Assert.False(connection.Client.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void The_owners_mark_passes_the_send_fence_and_another_owners_does_not(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect(family);
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        steering.Claim(connection.ServerFlow);

        SetMark(connection.Server, Mark + 1);
        connection.Server.Send("stale"u8);
        Assert.False(connection.Client.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));

        SetMark(connection.Server, Mark);
        Assert.Equal("stale", Read(connection.Client));
    }

    [KernelFact]
    public void Only_whole_IPv4_TCP_packets_of_the_flow_are_marked()
    {
        using var hosts = new TwoHosts();
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        steering.Claim(new FlowKey(s_server, s_client, 80, 1234));
        using var marked = hosts.Server.Run(() => MarkedFrames(0x0800));
        using var raw = hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw));

        const ushort moreFragments = 0x2000;
        const ushort dontFragment = 0x4000;
        Send("first fragment", moreFragments);
        Send("later fragment", 185);
        Send("middle fragment", moreFragments | 185);
        Send("other port", 0, source: 1235);
        Send("UDP", 0, protocol: 17);
        Send("whole", 0);
        Send("may not be fragmented", dontFragment);
        Send("with options", 0, options: 4);

        Assert.Equal("whole", Payload(marked, 40));
        Assert.Equal("may not be fragmented", Payload(marked, 40));
        Assert.Equal("with options", Payload(marked, 44));
        Assert.Equal(0, marked.Available);

        void Send(string text, ushort fragment, ushort source = 1234, byte protocol = 6, int options = 0)
        {
            var header = 20 + options;
            var packet = new byte[header + 20 + text.Length];
            packet[0] = (byte)(0x40 | header / 4);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 7);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), fragment);
            packet[8] = 64;
            packet[9] = protocol;
            s_client.WriteTo(packet.AsSpan(12));
            s_server.WriteTo(packet.AsSpan(16));
            packet.AsSpan(20, options).Fill(1);
            Segment(packet.AsSpan(header), source, text);
            raw.SendTo(packet, new IPEndPoint(hosts.Server.IPv4, 0));
        }
    }

    [KernelFact]
    public void Only_whole_IPv6_TCP_packets_of_the_flow_are_marked_behind_whatever_options()
    {
        using var hosts = new TwoHosts();
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        steering.Claim(new FlowKey(s_server6, s_client6, 80, 1234));
        using var marked = hosts.Server.Run(() => MarkedFrames(0x86dd));
        using var raw = hosts.Client.Run(() => new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.Raw));

        const byte hopByHop = 0;
        const byte routing = 43;
        const byte fragment = 44;
        const byte authentication = 51;
        const byte destination = 60;
        Send("first fragment", fragment, [6, 0, 0, 1, 0, 0, 0, 9]);
        Send("later fragment", fragment, [6, 0, 5, 0xc8, 0, 0, 0, 9]);
        Send("atomic fragment", fragment, [6, 0, 0, 0, 0, 0, 0, 9]);
        Send("fragment behind options", hopByHop, [fragment, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9]);
        Send("options in a fragment", fragment, [destination, 0, 0, 1, 0, 0, 0, 9, 6, 0, 1, 4, 0, 0, 0, 0]);
        Send("way-point", routing, [6, 2, 4, 1, .. new byte[20]]);
        Send("way-point behind options", destination, [routing, 0, 1, 4, 0, 0, 0, 0, 6, 2, 4, 1, .. new byte[20]]);
        Send("authenticated", authentication, [6, 2, .. new byte[14]]);
        Send("out of the packet", destination, [6, 255, 1, 4, 0, 0, 0, 0]);
        Send("UDP", destination, [17, 0, 1, 4, 0, 0, 0, 0]);
        Send("other port", 6, [], source: 1235);
        Send("plain", 6, []);
        Send("hop-by-hop", hopByHop, [6, 0, 1, 4, 0, 0, 0, 0]);
        Send("destination", destination, [6, 1, 1, 12, .. new byte[12]]);
        Send("end of the route", routing, [6, 2, 4, 0, .. new byte[20]]);
        Send("all", hopByHop, [destination, 0, 1, 4, 0, 0, 0, 0, routing, 0, 1, 4, 0, 0, 0, 0, 6, 2, 4, 0, .. new byte[20]]);

        Assert.Equal("plain", Payload(marked, 60));
        Assert.Equal("hop-by-hop", Payload(marked, 68));
        Assert.Equal("destination", Payload(marked, 76));
        Assert.Equal("end of the route", Payload(marked, 84));
        Assert.Equal("all", Payload(marked, 100));
        Assert.Equal(0, marked.Available);

        void Send(string text, byte next, ReadOnlySpan<byte> extension, ushort source = 1234)
        {
            var packet = new byte[40 + extension.Length + 20 + text.Length];
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
            packet[6] = next;
            packet[7] = 64;
            s_client6.WriteTo(packet.AsSpan(8));
            s_server6.WriteTo(packet.AsSpan(24));
            extension.CopyTo(packet.AsSpan(40));
            Segment(packet.AsSpan(40 + extension.Length), source, text);
            raw.SendTo(packet, new IPEndPoint(hosts.Server.IPv6, 0));
        }
    }

    [KernelFact]
    public void Two_instances_on_one_interface_do_not_see_each_others_flows()
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect();
        using var one = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        using var other = hosts.Server.Run(() => new FlowSetSteering("server0", Mark + 1));
        Assert.NotEqual(one.TableName, other.TableName, StringComparer.Ordinal);

        one.Claim(connection.ServerFlow);
        Assert.False(other.Release(connection.ServerFlow));
        connection.Server.Send("held"u8);
        Assert.False(connection.Client.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));

        other.Dispose();
        Assert.True(one.Release(connection.ServerFlow));
        Assert.Equal("held", Read(connection.Client));
    }

    [KernelFact]
    public void Many_flows_are_claimed_and_released_at_once()
    {
        using var hosts = new TwoHosts();
        using var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        var flows = new List<FlowKey>();
        for (var i = 0; i < 2_500; i++)
        {
            flows.Add(new FlowKey(s_server, s_client, 80, (ushort)(10_000 + i)));
            flows.Add(new FlowKey(s_server6, s_client6, 80, (ushort)(10_000 + i)));
        }

        var all = flows.ToArray();
        steering.Claim(all);
        steering.Claim(all[7]);
        Assert.Equal((2_500, 2_500), Elements(hosts, steering.TableName));

        // One is gone already: the others are released all the same.
        Assert.True(steering.Release(all[8]));
        Assert.False(steering.Release(all[8]));
        steering.Release(all[..4_000]);
        Assert.Equal((500, 500), Elements(hosts, steering.TableName));
    }

    [KernelFact]
    public void The_tables_vanish_with_their_owner_and_nobody_else_can_take_them_away()
    {
        using var hosts = new TwoHosts();
        var steering = hosts.Server.Run(() => new FlowSetSteering("server0", Mark));
        var other = hosts.Server.Run(() => new FlowSetSteering("server0", Mark + 1));
        Assert.Equal([steering.TableName, other.TableName], Tables(hosts).Order(StringComparer.Ordinal), StringComparer.Ordinal);

        var refused = Assert.Throws<NetlinkException>(() => hosts.Server.Run(() =>
        {
            using var stranger = new NetlinkSocket(NetlinkProtocol.Netfilter);
            stranger.Execute(DeleteTable(steering.TableName));
        }));
        Assert.Equal(1, refused.Errno);

        steering.Dispose();
        Assert.Equal([other.TableName], Tables(hosts), StringComparer.Ordinal);
        other.Dispose();
        Assert.Empty(Tables(hosts));
    }

    [KernelFact]
    public void A_missing_interface_is_named_in_the_error()
    {
        using var hosts = new TwoHosts();

        var refused = Assert.Throws<NetlinkException>(() => hosts.Server.Run(() => new FlowSetSteering("nowhere0", Mark)));

        Assert.Contains("nowhere0", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Tables(hosts));
    }

    private static void Segment(Span<byte> segment, ushort source, string text)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment, source);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], 80);
        segment[12] = 0x50;
        Encoding.UTF8.GetBytes(text, segment[20..]);
    }

    /// <summary>What arrives with the mark, from the network header on.</summary>
    private static unsafe Socket MarkedFrames(ushort protocol)
    {
        const int solSocket = 1;
        const int soAttachFilter = 26;
        const uint skbMark = 0xffff_f014;
        var socket = new Socket(
            AddressFamily.Packet, SocketType.Dgram, (ProtocolType)BinaryPrimitives.ReverseEndianness(protocol))
        { ReceiveTimeout = 10_000 };
        // ld mark; jeq #Mark, 0, 1; ret #65535; ret #0
        ulong[] program =
        [
            Instruction(0x20, 0, 0, skbMark), Instruction(0x15, 0, 1, Mark), Instruction(0x06, 0, 0, 65535), Instruction(0x06, 0, 0, 0),
        ];
        fixed (ulong* instructions = program)
        {
            Span<byte> filter = stackalloc byte[16];
            filter.Clear();
            BitConverter.TryWriteBytes(filter, (ushort)program.Length);
            BitConverter.TryWriteBytes(filter[8..], (ulong)instructions);
            socket.SetRawSocketOption(solSocket, soAttachFilter, filter);
        }

        return socket;

        static ulong Instruction(ushort code, byte yes, byte no, uint value)
            => code | (ulong)yes << 16 | (ulong)no << 24 | (ulong)value << 32;
    }

    private static string Payload(Socket packets, int offset)
    {
        var packet = new byte[2048];
        var length = packets.Receive(packet);
        return Encoding.UTF8.GetString(packet, offset, length - offset);
    }

    private static void SetMark(Socket socket, uint mark)
    {
        const int solSocket = 1;
        const int soMark = 36;
        socket.SetRawSocketOption(solSocket, soMark, BitConverter.GetBytes(mark));
    }

    private static string Exchange(Socket from, Socket to, string text)
    {
        from.Send(Encoding.UTF8.GetBytes(text));
        return Read(to);
    }

    private static string Read(Socket socket)
    {
        socket.ReceiveTimeout = 10_000;
        var buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }

    private static List<string> Tables(TwoHosts hosts) => hosts.Server.Run(() =>
    {
        using var socket = new NetlinkSocket(NetlinkProtocol.Netfilter);
        var request = new NetlinkMessageBuilder("list tables")
            .Begin(Netfilter.Type(Netfilter.Tables, 1), NetlinkFlags.Dump, default(NetfilterHeader));
        return socket.Dump(request, static (in NetlinkMessage m) => new NetlinkAttribute(1, m.Attributes(4).Find(1)).Text);
    });

    private static (int IPv4, int IPv6) Elements(TwoHosts hosts, string table) => hosts.Server.Run(() =>
    {
        using var socket = new NetlinkSocket(NetlinkProtocol.Netfilter);
        return (Count("flows4"), Count("flows6"));

        int Count(string set)
        {
            var request = new NetlinkMessageBuilder("list elements")
                .Begin(Netfilter.Type(Netfilter.Tables, 13), NetlinkFlags.Dump, new NetfilterHeader { Family = Netfilter.FamilyNetdev })
                .Text(1, table)
                .Text(2, set);
            return socket.Dump<object>(request, static (in NetlinkMessage m) =>
            {
                var count = 0;
                foreach (var _ in new NetlinkAttributes(m.Attributes(4).Find(3)))
                    count++;
                return count;
            }).Sum(count => (int)count);
        }
    });

    private static NetlinkMessageBuilder DeleteTable(string name)
    {
        var frame = new NetfilterHeader { Resource = BinaryPrimitives.ReverseEndianness(Netfilter.Tables) };
        return new NetlinkMessageBuilder("delete a table")
            .Begin(0x10, NetlinkFlags.None, frame)
            .Begin(Netfilter.Type(Netfilter.Tables, 2), NetlinkFlags.Ack, new NetfilterHeader { Family = Netfilter.FamilyNetdev })
            .Text(1, name)
            .Begin(0x11, NetlinkFlags.None, frame);
    }
}
