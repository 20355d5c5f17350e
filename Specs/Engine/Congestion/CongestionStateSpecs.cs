using System.Runtime.CompilerServices;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

public class CongestionStateSpecs
{
    [Fact]
    public void A_move_shifts_moments_and_leaves_Never()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.Congestion.Claim("cubic");
        v.Congestion.Moment(2) = Microseconds.FromSeconds(7);
        SegmentVariants moved = v.ToTimesRemaining(Microseconds.FromSeconds(10)).ToDeadlines(Microseconds.FromSeconds(100));
        Assert.Equal(Microseconds.FromSeconds(97), moved.Congestion.Moment(2));
        Assert.True(moved.Congestion.Moment(0).IsNever);
    }

    [Fact]
    public void A_state_of_nobody_has_no_moments_to_shift()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        Assert.Equal(v.Congestion, v.ToTimesRemaining(Microseconds.FromSeconds(10)).Congestion);
    }

    [Fact]
    public void A_struct_that_is_too_large_is_refused_with_its_name()
    {
        CongestionState state = default;
        Assert.Contains("TooLarge", Assert.Throws<InvalidOperationException>(() => state.As<TooLarge>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_states_of_the_algorithms_fit()
    {
        Assert.InRange(Unsafe.SizeOf<CubicState>(), 1, CongestionState.Bytes);
        Assert.InRange(Unsafe.SizeOf<BbrState>(), 1, CongestionState.Bytes);
    }

    [Fact]
    public void Another_algorithm_finds_it_clear_and_the_same_one_as_it_was()
    {
        CongestionState state = default;
        Assert.True(state.Claim("cubic"));
        state.As<ulong>() = 42;
        state.Moment(1) = Microseconds.FromSeconds(1);
        Assert.False(state.Claim("cubic"));
        Assert.Equal(42UL, state.As<ulong>());
        Assert.True(state.Claim("bbr"));
        Assert.Equal(0UL, state.As<ulong>());
        Assert.True(state.Moment(1).IsNever);
    }

    [Fact]
    public void Nothing_of_another_algorithm_is_left()
    {
        CongestionState state = default;
        state.Claim("cubic");
        ((Span<byte>)state.As<Largest>()).Fill(0xA5);
        for (int i = 0; i < CongestionState.Moments; i++)
        {
            state.Moment(i) = Microseconds.FromSeconds(i);
        }

        state.Claim("bbr");
        CongestionState fresh = default;
        fresh.Claim("bbr");
        Assert.Equal(fresh, state);
        Assert.Equal(new byte[CongestionState.Bytes], ((Span<byte>)state.As<Largest>()).ToArray());
        Assert.All(Enumerable.Range(0, CongestionState.Moments), i => Assert.True(state.Moment(i).IsNever));
    }

    // The variables may go to another process, which must know whose the state is.
    [Fact]
    public void The_name_decides_whose_it_is_and_not_the_object()
    {
        CongestionState state = default;
        state.Claim("cubic");
        CongestionState elsewhere = state;
        Assert.False(elsewhere.Claim(new string("cubic".AsSpan())));
        Assert.True(elsewhere.Claim("cubib"));
        Assert.True(elsewhere.Claim("ucbic"));
    }

    [Fact]
    public void There_are_five_moments()
    {
        CongestionState state = default;
        state.Moment(CongestionState.Moments - 1) = Microseconds.Zero;
        Assert.Throws<IndexOutOfRangeException>(() => state.Moment(CongestionState.Moments) = Microseconds.Zero);
    }

    [InlineArray(CongestionState.Bytes)]
    private struct Largest
    {
        private byte _first;
    }

    [InlineArray(CongestionState.Bytes + 1)]
    private struct TooLarge
    {
        private byte _first;
    }
}
