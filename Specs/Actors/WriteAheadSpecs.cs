using TcpActors.Actors.Scheduling;
using Xunit;

namespace TcpActors.Specs.Actors;

public sealed class WriteAheadSpecs
{
    [Theory]
    [InlineData(0, 8 << 20)]
    [InlineData(1, 8 << 20)]
    [InlineData(8, 1 << 20)]
    [InlineData(64, 128 << 10)]
    [InlineData(10_000, 128 << 10)]
    public void Writers_share_evenly_and_each_has_enough_to_go_on_with(int writers, int share)
    {
        var ahead = new WriteAhead();
        for (int i = 0; i < writers; i++)
        {
            ahead.Join();
        }

        Assert.Equal(share, ahead.Share);
        for (int i = 0; i < writers; i++)
        {
            ahead.Leave();
        }

        Assert.Equal(8 << 20, ahead.Share);
    }
}
