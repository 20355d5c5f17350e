using System.Net.Sockets;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Steering;

namespace TcpActors.Specs.Kernel;

public sealed class BpfCoexistenceSpecs
{
    [KernelFact]
    public void Another_partys_programs_before_and_behind_ours_see_every_frame()
    {
        var (flow, marks) = (BpfLine.Flow(ipv6: false, 80), new IncarnationMarks());
        var toe = marks.Next();
        using var line = new BpfLine();
        using var counts = new BpfMap<uint, long>(BpfMapType.PerCpuArray, 2, "others"u8);
        using var first = BpfProgram.Load("counts_0"u8, Counting(counts.Descriptor, index: 0));
        using var second = BpfProgram.Load("counts_1"u8, Counting(counts.Descriptor, index: 1));
        using var steering = BpfSteering.Create(marks, maxFlows: 16);
        using var peer = BpfRawPort.Sender(line.Peer, BpfLine.PeerIndex);
        using var marked = BpfRawPort.Marked(line.Us, BpfLine.OurIndex, ipv6: false, toe);
        steering.Claim(flow, toe);

        // Each attaches at the head: the second stands before ours, the first behind it.
        using var behind = line.Us.Run(() => TcxLink.AttachAtHead(first, TcxHook.Ingress, BpfLine.OurIndex));
        line.Us.Run(() => steering.Attach(BpfLine.OurIndex));
        using var before = line.Us.Run(() => TcxLink.AttachAtHead(second, TcxHook.Ingress, BpfLine.OurIndex));
        peer.Send(BpfLine.Received(flow).Bytes);
        marked.Receive();

        Assert.Equal((1, 1), (Total(counts, 0), Total(counts, 1)));
        Assert.Equal(3, line.Us.Run(() => TcxLink.CountPrograms(TcxHook.Ingress, BpfLine.OurIndex)));
    }

    [KernelFact]
    public void Two_instances_on_one_interface_steer_their_own_flows()
    {
        var (mine, yours) = (BpfLine.Flow(ipv6: false, 80), BpfLine.Flow(ipv6: false, 81));
        var (myMarks, yourMarks) = (new IncarnationMarks(0x11111000), new IncarnationMarks(0x22222000));
        var (myToe, yourToe) = (myMarks.Next(), yourMarks.Next());
        using var line = new BpfLine();
        using var me = BpfSteering.Create(myMarks, maxFlows: 16);
        using var you = BpfSteering.Create(yourMarks, maxFlows: 16);
        using var peer = BpfRawPort.Sender(line.Peer, BpfLine.PeerIndex);
        using var tap = BpfRawPort.Tap(line.Peer, BpfLine.PeerIndex);
        using var atMine = BpfRawPort.Marked(line.Us, BpfLine.OurIndex, ipv6: false, myToe);
        using var atYours = BpfRawPort.Marked(line.Us, BpfLine.OurIndex, ipv6: false, yourToe);
        using var fromMine = BpfRawPort.Sender(line.Us, BpfLine.OurIndex, myToe);
        using var fromYours = BpfRawPort.Sender(line.Us, BpfLine.OurIndex, yourToe);
        line.Us.Run(() => me.Attach(BpfLine.OurIndex));
        line.Us.Run(() => you.Attach(BpfLine.OurIndex));
        me.Claim(mine, myToe);
        you.Claim(yours, yourToe);

        fromMine.Send(BpfLine.Sent(mine).Bytes);
        Assert.Equal(BpfLine.Sent(mine).Bytes, tap.Receive());
        fromYours.Send(BpfLine.Sent(yours).Bytes);
        Assert.Equal(BpfLine.Sent(yours).Bytes, tap.Receive());
        Assert.Throws<SocketException>(() => fromMine.Send(BpfLine.Sent(yours).Bytes));
        Assert.Throws<SocketException>(() => fromYours.Send(BpfLine.Sent(mine).Bytes));

        peer.Send(BpfLine.Received(mine).Bytes);
        Assert.Equal(BpfLine.Received(mine).Bytes, atMine.Receive());
        peer.Send(BpfLine.Received(yours).Bytes);
        Assert.Equal(BpfLine.Received(yours).Bytes, atYours.Receive());
        Assert.False(atMine.HasFrame);
        Assert.False(atYours.HasFrame);
    }

    [KernelFact]
    public void Nothing_is_left_on_an_interface_after_detaching_or_disposing()
    {
        using var line = new BpfLine();
        (int, int) Programs() => line.Us.Run(() =>
            (TcxLink.CountPrograms(TcxHook.Ingress, BpfLine.OurIndex), TcxLink.CountPrograms(TcxHook.Egress, BpfLine.OurIndex)));

        using (var steering = BpfSteering.Create(new IncarnationMarks(), maxFlows: 16))
        {
            line.Us.Run(() => steering.Attach(BpfLine.OurIndex));
            line.Us.Run(() => steering.Attach(BpfLine.OurIndex));
            Assert.Equal((1, 1), Programs());

            steering.Detach(BpfLine.OurIndex);
            steering.Detach(BpfLine.OurIndex);
            Assert.Equal((0, 0), Programs());

            line.Us.Run(() => steering.Attach(BpfLine.OurIndex));
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

    private static ulong[] Counting(int counts, int index)
    {
        var program = new BpfAssembler();
        var missing = program.NewLabel();
        return program
            .WriteConstant(Width.Word, Register.FramePointer, -4, index)
            .LoadMap(Register.R1, counts)
            .Copy(Register.R2, Register.FramePointer)
            .AddTo(Register.R2, -4)
            .Call(Helper.MapLookupElement)
            .GoTo(missing, Register.R0, When.Equal, 0)
            .Read(Width.Double, Register.R1, Register.R0, 0)
            .AddTo(Register.R1, 1)
            .Write(Width.Double, Register.R0, 0, Register.R1)
            .Place(missing)
            .Set(Register.R0, -1)
            .Exit()
            .Build();
    }

    private static long Total(BpfMap<uint, long> counts, uint index)
    {
        var perCpu = new long[PossibleCpus.Count];
        Assert.Equal(0, counts.Lookup(index, perCpu));
        return perCpu.Sum();
    }
}
