using System.Net.Sockets;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class BpfCoexistenceSpecs
{
    [KernelFact]
    public void Another_partys_programs_before_and_behind_ours_see_an_owned_frame_too()
    {
        using var line = new BpfLine();
        var (flow, marks) = (line.Flow(ipv6: false, 80), new IncarnationMarks());
        var toe = marks.Next();
        using var counts = new BpfMap<uint, long>(BpfMapType.PerCpuArray, 2, "others"u8);
        using var first = BpfProgram.Load("counts_0"u8, Counting(counts.Descriptor, index: 0));
        using var second = BpfProgram.Load("counts_1"u8, Counting(counts.Descriptor, index: 1));
        using var steering = BpfSteering.Create(marks, maxFlows: 16);
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: false, toe);
        steering.Claim(flow, toe);

        // Each attaches at the head: the second stands before ours, the first behind it.
        using var behind = line.Us.Run(() => TcxLink.AttachAtHead(first, TcxHook.Ingress, line.OurIndex));
        line.Us.Run(() => steering.Attach(line.OurIndex));
        using var before = line.Us.Run(() => TcxLink.AttachAtHead(second, TcxHook.Ingress, line.OurIndex));
        peer.Send(line.Received(flow));
        marked.Receive();

        Assert.Equal((1, 1), (Total(counts, 0), Total(counts, 1)));
        Assert.Equal(3, line.Us.Run(() => TcxLink.CountPrograms(TcxHook.Ingress, line.OurIndex)));
    }

    [KernelFact]
    public void Two_instances_on_one_interface_steer_their_own_flows()
    {
        using var line = new BpfLine();
        var (mine, yours) = (line.Flow(ipv6: false, 80), line.Flow(ipv6: false, 81));
        var (myMarks, yourMarks) = (new IncarnationMarks(0x11111000), new IncarnationMarks(0x22222000));
        var (myToe, yourToe) = (myMarks.Next(), yourMarks.Next());
        using var me = BpfSteering.Create(myMarks, maxFlows: 16);
        using var you = BpfSteering.Create(yourMarks, maxFlows: 16);
        using var peer = BpfRawPort.Sender(line.Peer, line.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, line.PeerIndex);
        using var atMine = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: false, myToe);
        using var atYours = BpfRawPort.Marked(line.Us, line.OurIndex, ipv6: false, yourToe);
        using var fromMine = BpfRawPort.Sender(line.Us, line.OurIndex, myToe);
        using var fromYours = BpfRawPort.Sender(line.Us, line.OurIndex, yourToe);
        line.Us.Run(() => me.Attach(line.OurIndex));
        line.Us.Run(() => you.Attach(line.OurIndex));
        me.Claim(mine, myToe);
        you.Claim(yours, yourToe);

        fromMine.Send(line.Sent(mine));
        Assert.Equal(line.Sent(mine), tap.Receive());
        fromYours.Send(line.Sent(yours));
        Assert.Equal(line.Sent(yours), tap.Receive());
        Assert.Throws<SocketException>(() => fromMine.Send(line.Sent(yours)));
        Assert.Throws<SocketException>(() => fromYours.Send(line.Sent(mine)));

        peer.Send(line.Received(mine));
        Assert.Equal(line.Received(mine), atMine.Receive());
        peer.Send(line.Received(yours));
        Assert.Equal(line.Received(yours), atYours.Receive());
        Assert.False(atMine.HasFrame);
        Assert.False(atYours.HasFrame);
    }

    [KernelFact]
    public void Nothing_is_left_on_an_interface_after_detaching_or_disposing()
    {
        using var line = new BpfLine();
        (int, int) Programs() => line.Us.Run(() =>
            (TcxLink.CountPrograms(TcxHook.Ingress, line.OurIndex), TcxLink.CountPrograms(TcxHook.Egress, line.OurIndex)));

        using (var steering = BpfSteering.Create(new IncarnationMarks(), maxFlows: 16))
        {
            line.Us.Run(() => steering.Attach(line.OurIndex));
            line.Us.Run(() => steering.Attach(line.OurIndex));
            Assert.Equal((1, 1), Programs());

            steering.Detach(line.OurIndex);
            steering.Detach(line.OurIndex);
            Assert.Equal((0, 0), Programs());

            line.Us.Run(() => steering.Attach(line.OurIndex));
            Assert.Equal((1, 1), Programs());
        }

        Assert.Equal((0, 0), Programs());
    }

    [KernelFact]
    public void An_interface_that_does_not_exist_is_named_in_the_error()
    {
        using var line = new BpfLine();
        using var steering = BpfSteering.Create(new IncarnationMarks(), maxFlows: 16);

        var refusal = Assert.Throws<SteeringException>(() => line.Us.Run(() => steering.Attach(4711)));
        Assert.Contains("no interface 4711", refusal.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_program_that_the_verifier_refuses_comes_back_with_its_log()
    {
        var refusal = Assert.Throws<SteeringException>(() => BpfProgram.Load("returns_nothing"u8, new BpfAssembler().Exit().Build()));
        Assert.Contains("R0 !read_ok", refusal.Message, StringComparison.Ordinal);
    }

    // Counts IPv4 only: IPv6 has messages of its own on a new cable.
    internal static ulong[] Counting(int counts, int index)
    {
        const int Protocol = 16, Ipv4 = 0x0008;
        var program = new BpfAssembler();
        var next = program.NewLabel();
        return program
            .Read(Width.Word, Register.R1, Register.R1, Protocol)
            .GoTo(next, Register.R1, When.NotEqual, Ipv4)
            .WriteConstant(Width.Word, Register.FramePointer, -4, index)
            .LoadMap(Register.R1, counts)
            .Copy(Register.R2, Register.FramePointer)
            .AddTo(Register.R2, -4)
            .Call(Helper.MapLookupElement)
            .GoTo(next, Register.R0, When.Equal, 0)
            .Read(Width.Double, Register.R1, Register.R0, 0)
            .AddTo(Register.R1, 1)
            .Write(Width.Double, Register.R0, 0, Register.R1)
            .Place(next)
            .Set(Register.R0, -1)
            .Exit()
            .Build();
    }

    internal static long Total(BpfMap<uint, long> counts, uint index)
    {
        var perCpu = new long[PossibleCpus.Count];
        Assert.Equal(0, counts.Lookup(index, perCpu));
        return perCpu.Sum();
    }
}
