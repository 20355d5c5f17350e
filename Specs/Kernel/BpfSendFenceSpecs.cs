using System.Net.Sockets;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class BpfSendFenceSpecs
{
    private const uint SomebodyElsesMark = 0x1234;

    private readonly IncarnationMarks _marks = new(0xabcde000);

    [KernelFact]
    public void The_kernel_cannot_answer_for_an_owned_flow() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (owned, free, toe) = (line.Flow(ipv6, 80), line.Flow(ipv6, 81), _marks.Next());
        using var steering = Attached(line, new SteeringParts(DropInKernel: false));
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        steering.Claim(owned, toe);

        // The kernel gets the owned frame too, as it does one that came before the claim, and what it says to it must not leave.
        peer.Send(line.Received(owned));
        Assert.True(SpinWait.SpinUntil(() => steering.Counters.Fenced == 1, TimeSpan.FromSeconds(5)));

        peer.Send(line.Received(free));
        Assert.True(BpfLine.IsReset(tap.Receive(), free));
        Assert.Equal(new SteeringCounters(Marked: 1, Fenced: 1), steering.Counters);
    });

    [KernelFact]
    public void Without_the_send_fence_the_kernel_resets_an_owned_flow() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (owned, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts(DropInKernel: false, FenceSent: false));
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        steering.Claim(owned, toe);

        peer.Send(line.Received(owned));

        Assert.True(BpfLine.IsReset(tap.Receive(), owned));
        Assert.Equal(new SteeringCounters(Marked: 1, Fenced: 0), steering.Counters);
    });

    [KernelFact]
    public void Only_the_owner_sends_for_an_owned_flow() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, before, now) = (line.Flow(ipv6, 80), _marks.Next(), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var stale = BpfRawPort.Sender(line.Us, line.OurIndex, before);
        using var owner = BpfRawPort.Sender(line.Us, line.OurIndex, now);
        using var foreign = BpfRawPort.Sender(line.Us, line.OurIndex, SomebodyElsesMark);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        var frame = line.Sent(flow);

        steering.Claim(flow, before);
        stale.Send(frame);
        Assert.Equal(frame, tap.Receive());

        steering.Claim(flow, now);
        Stopped(stale, frame);
        Stopped(foreign, frame);
        owner.Send(frame);
        Assert.Equal(frame, tap.Receive());
        Assert.Equal(new SteeringCounters(0, Fenced: 2), steering.Counters);
    });

    [KernelFact]
    public void A_stale_TOE_cannot_send_for_a_flow_that_the_kernel_has_back_and_others_can() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var stale = BpfRawPort.Sender(line.Us, line.OurIndex, toe);
        using var foreign = BpfRawPort.Sender(line.Us, line.OurIndex, SomebodyElsesMark);
        using var unmarked = BpfRawPort.Sender(line.Us, line.OurIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        var frame = line.Sent(flow);
        steering.Claim(flow, toe);
        steering.Release(flow);

        Stopped(stale, frame);
        Stopped(stale, [.. frame[..12], 0x81, 0x00, 0x00, 0x05, .. frame[12..]]);
        Stopped(stale, [.. frame[..12], 0x88, 0xa8, 0x00, 0x05, .. frame[12..]]);
        foreign.Send(frame);
        Assert.Equal(frame, tap.Receive());
        unmarked.Send(frame);
        Assert.Equal(frame, tap.Receive());
        Assert.Equal(new SteeringCounters(0, 0, Stale: 3), steering.Counters);
    });

    [KernelFact]
    public void Extension_headers_do_not_hide_an_owned_flow()
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6: true, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts());
        using var unmarked = BpfRawPort.Sender(line.Us, line.OurIndex);
        using var owner = BpfRawPort.Sender(line.Us, line.OurIndex, toe);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        var plain = line.Sent(flow);
        byte[] frame = [.. plain[..18], 0, 28, 60, .. plain[21..54], 6, 0, 1, 4, 0, 0, 0, 0, .. plain[54..]];
        steering.Claim(flow, toe);

        Stopped(unmarked, frame);
        owner.Send(frame);
        Assert.Equal(frame, tap.Receive());
        Assert.Equal(new SteeringCounters(0, Fenced: 1), steering.Counters);
    }

    [KernelFact]
    public void Without_the_send_fence_a_stale_TOE_can_send() => EachFamily(ipv6 =>
    {
        using var line = new BpfLine();
        var (flow, toe) = (line.Flow(ipv6, 80), _marks.Next());
        using var steering = Attached(line, new SteeringParts(FenceSent: false));
        using var stale = BpfRawPort.Sender(line.Us, line.OurIndex, toe);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        var frame = line.Sent(flow);

        steering.Claim(flow, toe);
        steering.Release(flow);
        stale.Send(frame);
        Assert.Equal(frame, tap.Receive());
    });

    [KernelFact]
    public void A_TOE_may_send_what_is_not_TCP_such_as_its_announcement_to_the_neighbours()
    {
        using var line = new BpfLine();
        using var steering = Attached(line, new SteeringParts());
        using var toe = BpfRawPort.Sender(line.Us, line.OurIndex, _marks.Next());
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        byte[] arp = [.. Enumerable.Repeat<byte>(0xff, 6), 2, 0, 0, 0, 0, 1, 0x08, 0x06, .. new byte[46]];

        toe.Send(arp);
        Assert.Equal(arp, tap.Receive());
        Assert.Equal(default, steering.Counters);
    }

    private static void EachFamily(Action<bool> check)
    {
        check(false);
        check(true);
    }

    private static void Stopped(BpfRawPort sender, byte[] frame)
    {
        var refusal = Assert.Throws<SocketException>(() => sender.Send(frame));
        Assert.Equal(SocketError.NoBufferSpaceAvailable, refusal.SocketErrorCode);
    }

    private BpfSteering Attached(BpfLine line, SteeringParts parts)
    {
        var steering = new BpfSteering(_marks, parts, maxFlows: 16);
        line.Us.Run(() => steering.Attach(line.OurIndex));
        return steering;
    }
}
