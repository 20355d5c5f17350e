using TcpActors.Engine.Wire;
using TcpActors.Transport.Steering;
using Xunit;

namespace TcpActors.Specs.Transport;

public sealed class BpfSteeringChoiceSpecs
{
    [Fact]
    public void eBPF_is_taken_where_it_can_be_had()
    {
        using var bpf = new NoSteering();
        Assert.Same(bpf, SteeringFactory.Create(() => bpf, _ => throw new InvalidOperationException("not asked for")));
    }

    [Fact]
    public void The_other_way_is_taken_where_eBPF_cannot_be_had_and_learns_why()
    {
        using var nftables = new NoSteering();
        string? reason = null;
        var chosen = SteeringFactory.Create(() => throw new SteeringUnavailableException("no right"), why =>
        {
            reason = why.Message;
            return nftables;
        });
        Assert.Same(nftables, chosen);
        Assert.Equal("no right", reason);
    }

    [Fact]
    public void When_neither_can_be_had_both_reasons_are_told()
    {
        var refusal = Assert.Throws<SteeringUnavailableException>(() => SteeringFactory.Create(
            () => throw new SteeringUnavailableException("kernel too old"), _ => throw new SteeringUnavailableException("no netfilter")));
        Assert.Contains("kernel too old", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("no netfilter", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_failure_of_eBPF_is_not_hidden_by_the_other_way() =>
        Assert.Throws<SteeringException>(() =>
            SteeringFactory.Create(() => throw new SteeringException("no memory", 12), _ => new NoSteering()));

    [Fact]
    public void Marks_of_one_instance_differ_share_its_tag_and_wrap_after_4095()
    {
        var marks = new IncarnationMarks(0x1000);
        var all = Enumerable.Range(0, 4095).Select(_ => marks.Next()).ToArray();

        Assert.Equal(4095, all.Distinct().Count());
        Assert.All(all, mark => Assert.True(marks.Contains(mark)));
        Assert.DoesNotContain(0x1000u, all);
        Assert.Equal(all[0], marks.Next());
        Assert.False(marks.Contains(0x2001));
        Assert.False(marks.Contains(1));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x1001u)]
    public void A_tag_keeps_to_its_bits(uint tag) => Assert.Throws<ArgumentException>(() => new IncarnationMarks(tag));

    [Fact]
    public void A_drawn_tag_is_never_zero() =>
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.NotEqual(0u, new IncarnationMarks().Tag));

    private sealed class NoSteering : ISteering
    {
        public string Description => "none";

        public SteeringCounters Counters => default;

        public void Attach(int ifIndex) => throw new NotSupportedException();

        public void Detach(int ifIndex) => throw new NotSupportedException();

        public void Claim(in FlowKey flow, uint incarnation) => throw new NotSupportedException();

        public void Claim(ReadOnlySpan<FlowKey> flows, uint incarnation) => throw new NotSupportedException();

        public void Release(in FlowKey flow) => throw new NotSupportedException();

        public void Release(ReadOnlySpan<FlowKey> flows) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
