using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class BpfSteeringReceiveSpecs
{
    private readonly IncarnationMarks _marks = new(0xabcde000);

    [KernelFact]
    public void A_claimed_flow_is_marked_for_its_owner_from_the_next_frame_on() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, other, toe) = (line.Flow(ipv6, 80), line.Flow(ipv6, 81), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, toe);

        steering.Claim(flow, toe);
        peer.Send(line.Received(other));
        peer.Send(line.Received(flow));

        Assert.Equal(line.Received(flow), marked.Receive());
        Assert.Equal(1, steering.Counters.Marked);
        Assert.False(marked.HasFrame);
    });

    [KernelFact]
    public void Without_the_receive_mark_an_owned_flow_does_not_reach_its_owner() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts(MarkReceived: false, FenceSent: false));
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, toe);

        steering.Claim(flow, toe);
        peer.Send(line.Received(flow));

        Assert.True(BpfLine.IsReset(tap.Receive(), flow), "the kernel answers for the flow");
        Assert.False(marked.HasFrame);
    });

    [KernelFact]
    public void A_flow_that_moves_between_TOEs_is_marked_for_the_later_one_and_a_released_one_for_nobody() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, first, second) = (line.Flow(ipv6, 80), _marks.Next(), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        using var atFirst = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, first);
        using var atSecond = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, second);

        steering.Claim(flow, first);
        steering.Claim(flow, second);
        peer.Send(line.Received(flow));
        Assert.Equal(line.Received(flow), atSecond.Receive());
        Assert.False(atFirst.HasFrame);

        steering.Release(flow);
        steering.Release(flow);
        peer.Send(line.Received(flow));
        Assert.True(BpfLine.IsReset(tap.Receive(), flow));
        Assert.False(atSecond.HasFrame);
        Assert.Equal(1, steering.Counters.Marked);
    });

    [KernelFact]
    public void Only_whole_TCP_segments_of_the_flow_are_marked()
    {
        using var line = new BpfLine();
        var (v4, v6, toe) = (line.Flow(ipv6: false, 80), line.Flow(ipv6: true, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: false, toe);
        steering.Claim(v4, toe);
        steering.Claim(v6, toe);

        peer.Send(Changed(line.Received(v4), frame => frame[20] |= 0x20)); // more fragments follow
        peer.Send(Changed(line.Received(v4), frame => frame[21] = 1)); // a later fragment
        peer.Send(Changed(line.Received(v4), frame => frame[23] = 17)); // UDP
        peer.Send(Changed(line.Received(v6), frame => frame[20] = 44)); // fragment header
        peer.Send(Changed(line.Received(v4), frame => frame[33] ^= 1)); // another destination
        peer.Send(Changed(line.Received(v4), frame => frame[35] ^= 1)); // another source port
        peer.Send(line.Received(v4)[..36]); // ends before the destination port
        var dontFragment = Changed(line.Received(v4), frame => frame[20] |= 0x40);
        peer.Send(dontFragment);

        Assert.Equal(dontFragment, marked.Receive());
        Assert.Equal(1, steering.Counters.Marked);
    }

    [KernelFact]
    public void Ports_are_found_behind_IPv4_options_and_a_priority_tag_does_not_hide_a_flow()
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6: false, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: false, toe);
        steering.Claim(flow, toe);
        var plain = line.Received(flow);

        byte[] withOptions = [.. plain[..14], 0x46, .. plain[15..34], 1, 1, 1, 1, .. plain[34..]];
        peer.Send(withOptions);
        Assert.Equal(withOptions, marked.Receive());

        peer.Send([.. plain[..12], 0x81, 0x00, 0xe0, 0x00, .. plain[12..]]);
        Assert.Equal(plain, marked.Receive()); // the tag is in the metadata
        Assert.Equal(2, steering.Counters.Marked);
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Frames_of_a_VLAN_and_frames_to_another_station_are_not_marked(bool bpf) => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using ISteering steering = line.Us.Run(() => bpf ? (ISteering)BpfSteering.Create(_marks) : new NfTablesSteering("a spec"));
        line.Us.Run(() => steering.Attach(line.OurIndex));
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, toe);
        line.Us.Run(() => steering.Claim(flow, toe));
        var plain = line.Received(flow);

        peer.Send([.. plain[..12], 0x81, 0x00, 0xe0, 0x05, .. plain[12..]]);
        peer.Send(Changed(line.Received(flow), frame => frame[5] ^= 1));
        peer.Send([.. plain[..12], 0x81, 0x00, 0xe0, 0x00, .. plain[12..], 0]);

        // A priority tag makes no VLAN. The byte behind the packet tells which frame it is.
        Assert.Equal([.. plain, 0], marked.Receive());
        Assert.False(marked.HasFrame);
    });

    [KernelFact]
    public void Ports_are_found_behind_six_IPv6_extension_headers_that_end_in_the_frame_and_here()
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6: true, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: true, toe);
        steering.Claim(flow, toe);
        var plain = line.Received(flow);
        byte[] Options(byte next) => [next, 0, 1, 4, 0, 0, 0, 0];
        byte[] LongOptions(byte next) => [next, 32, 1, 255, .. new byte[255], 1, 3, 0, 0, 0];
        byte[] Route(byte next, byte segmentsLeft) => [next, 2, 4, segmentsLeft, .. new byte[20]];

        byte[][] good =
        [
            With(0, Options(6)),
            With(60, LongOptions(6)),
            With(43, Route(6, segmentsLeft: 0)),
            With(0, Options(60), LongOptions(43), Route(60, segmentsLeft: 0), Options(60), Options(60), Options(6)),
        ];
        byte[][] bad =
        [
            With(60, Options(60), Options(60), Options(60), Options(60), Options(60), Options(60), Options(6)), // seven
            With(43, Route(6, segmentsLeft: 1)),
            With(60, Options(43), Route(6, segmentsLeft: 3)),
            With(60, Options(44), [6, 0, 0, 1, 0, 0, 0, 9]), // first fragment
            With(44, [60, 0, 0, 1, 0, 0, 0, 9], Options(6)),
            With(60, [6, 255, 1, 4, 0, 0, 0, 0]), // beyond the frame
            With(60, Options(17)),
            With(60, Options(59)),
            With(51, [6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            With(0, Options(60))[..65], // ends inside the first header that it would need
            With(0, Options(6))[..64], // ends before the destination port
        ];
        foreach (var frame in bad)
            peer.Send(frame);
        foreach (var frame in good)
        {
            peer.Send(frame);
            Assert.Equal(frame, marked.Receive());
        }

        Assert.Equal(good.Length, steering.Counters.Marked);
        Assert.False(marked.HasFrame);

        byte[] With(byte first, params byte[][] headers)
        {
            byte[] frame = [.. plain[..54], .. headers.SelectMany(header => header), .. plain[54..]];
            frame[20] = first;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(18), (ushort)(frame.Length - 54));
            return frame;
        }
    }

    [KernelFact]
    public void A_claim_before_the_interface_is_attached_holds_and_a_detached_interface_is_the_kernels() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using var steering = BpfSteering.Create(_marks);
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6, toe);
        steering.Claim(flow, toe);

        line.Us.Run(() => steering.Attach(line.OurIndex));
        peer.Send(line.Received(flow));
        marked.Receive();

        steering.Detach(line.OurIndex);
        peer.Send(line.Received(flow));
        Assert.True(BpfLine.IsReset(tap.Receive(), flow));
        Assert.False(marked.HasFrame);
    });

    private static void EachFamily(Action<bool> check)
    {
        check(false);
        check(true);
    }

    private static byte[] Changed(byte[] frame, Action<byte[]> change)
    {
        change(frame);
        return frame;
    }

    private BpfSteering Attached(BpfLine line, SteeringParts parts)
    {
        var steering = new BpfSteering(_marks, parts, maxFlows: 16);
        line.Us.Run(() => steering.Attach(line.OurIndex));
        return steering;
    }
}
