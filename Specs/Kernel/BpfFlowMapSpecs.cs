using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class BpfFlowMapSpecs
{
    private readonly IncarnationMarks _marks = new();

    [KernelFact]
    public void Batches_of_any_size_are_claimed_and_released_whether_or_not_each_flow_was_there()
    {
        var (flows, toe) = (Flows(1000), _marks.Next());
        using var steering = BpfSteering.Create(_marks, maxFlows: 1000);

        steering.Claim([], toe);
        Assert.Equal(0, steering.CountFlows());
        steering.Claim(flows, toe);
        steering.Claim(flows.AsSpan(100, 300), _marks.Next());
        Assert.Equal(1000, steering.CountFlows());

        foreach (var index in new[] { 0, 1, 127, 128, 500, 999 })
            steering.Release(flows[index]);
        Assert.Equal(994, steering.CountFlows());
        steering.Release(flows);
        Assert.Equal(0, steering.CountFlows());
        steering.Release(flows);
        Assert.Equal(0, steering.CountFlows());
    }

    [KernelFact]
    public void A_full_map_refuses_new_flows_says_how_far_it_came_and_still_moves_old_ones()
    {
        var (flows, toe) = (Flows(300), _marks.Next());
        using var steering = BpfSteering.Create(_marks, maxFlows: 200);

        var refusal = Assert.Throws<SteeringFullException>(() => steering.Claim(flows, toe));
        Assert.Equal(200, refusal.Done);
        Assert.Equal(200, steering.CountFlows());
        Assert.Equal(0, Assert.Throws<SteeringFullException>(() => steering.Claim(flows[^1], toe)).Done);

        steering.Claim(flows[0], _marks.Next());
        steering.Release(flows[1]);
        steering.Claim(flows[^1], toe);
        Assert.Equal(200, steering.CountFlows());
    }

    [KernelFact]
    public void An_incarnation_of_somebody_else_cannot_claim()
    {
        using var steering = BpfSteering.Create(_marks, maxFlows: 16);
        Assert.Throws<ArgumentException>(() => steering.Claim(Flows(1)[0], 7));
        Assert.Throws<ArgumentException>(() => steering.Claim(Flows(1), 7));
    }

    [KernelFact]
    public void Claiming_and_releasing_allocate_nothing()
    {
        var (flows, toe) = (Flows(256), _marks.Next());
        using var steering = BpfSteering.Create(_marks, maxFlows: 256);
        Move();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Move();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Move()
        {
            steering.Claim(flows[0], toe);
            steering.Release(flows[0]);
            steering.Claim(flows, toe);
            steering.Release(flows);
        }
    }

    private static FlowKey[] Flows(int count)
    {
        var (us, peer) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));
        return [.. Enumerable.Range(0, count).Select(i => FlowKey.From(new IPEndPoint(us, 443), new IPEndPoint(peer, 10_000 + i)))];
    }
}
