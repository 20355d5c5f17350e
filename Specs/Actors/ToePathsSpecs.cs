using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Actors;

/// <summary>A TOE's book of next hops and paths: the newest version counts, in whatever order it comes.</summary>
public sealed class ToePathsSpecs
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress s_other = MacAddress.Parse("02:00:00:00:00:02");
    private readonly ToePaths _paths = new();
    private readonly Neighbor _neighbor = new() { Id = new NeighborId(7), Version = 3, Mac = s_mac };
    private readonly NetworkPath _path = new() { Id = new PathId(9), Version = 5, Neighbor = new NeighborId(7), Mtu = 1500 };

    [Fact]
    public void Connections_of_one_path_share_it_and_paths_of_one_next_hop_share_that()
    {
        PathCell first = _paths.Join(Segment(_neighbor, _path), out bool isNews);
        PathCell second = _paths.Join(Segment(_neighbor, _path), out _);
        PathCell third = _paths.Join(Segment(_neighbor, _path with { Id = new PathId(10) }), out _);

        Assert.False(isNews);
        Assert.Same(first, second);
        Assert.NotSame(first, third);
        Assert.Same(first.Neighbor, third.Neighbor);
    }

    [Fact]
    public void What_has_no_number_is_shared_with_nobody()
    {
        SegmentInvariants segment = Segment(_neighbor with { Id = default }, _path with { Id = default });
        Assert.NotSame(_paths.Join(segment, out _), _paths.Join(segment, out _));
    }

    [Theory]
    [InlineData(4u, true)]
    [InlineData(3u, false)]
    [InlineData(2u, false)]
    public void An_update_counts_when_its_version_is_later(uint version, bool counts)
    {
        PathCell path = _paths.Join(Segment(_neighbor, _path), out _);

        Toe.Event.Updated taken = _paths.Take(new Toe.Command.Update { Neighbors = [_neighbor with { Version = version, Mac = s_other }] });

        Assert.Equal(counts ? [new NeighborVersion(_neighbor.Id, version)] : [], taken.Neighbors);
        Assert.Equal(counts ? s_other : s_mac, path.Neighbor.Current.Mac);
    }

    [Fact]
    public void Versions_wrap()
    {
        PathCell path = _paths.Join(Segment(_neighbor with { Version = uint.MaxValue }, _path), out _);
        _paths.Take(new Toe.Command.Update { Neighbors = [_neighbor with { Version = 0, Mac = s_other }] });
        Assert.Equal(s_other, path.Neighbor.Current.Mac);
    }

    /// <summary>The host's worker hands a connection over with what it read before; its supervisor may have said something newer meanwhile.</summary>
    [Fact]
    public void A_connection_that_comes_with_an_older_version_gets_the_newer_one_and_one_with_a_newer_brings_it_to_the_others()
    {
        PathCell path = _paths.Join(Segment(_neighbor, _path), out _);
        _paths.Join(Segment(_neighbor with { Version = 2, Mac = s_other }, _path with { Version = 4, Mtu = 576 }), out bool isNews);
        Assert.False(isNews);
        Assert.Equal((s_mac, 1500), (path.Neighbor.Current.Mac, path.Current.Mtu));

        _paths.Join(Segment(_neighbor with { Version = 4, Mac = s_other }, _path with { Version = 6, Mtu = 1280 }), out isNews);
        Assert.True(isNews);
        Assert.Equal((s_other, 1280), (path.Neighbor.Current.Mac, path.Current.Mtu));
    }

    [Fact]
    public void A_path_moves_to_another_next_hop_which_the_TOE_did_not_know()
    {
        PathCell path = _paths.Join(Segment(_neighbor, _path), out _);
        var gateway = new Neighbor { Id = new NeighborId(8), Mac = s_other };

        _paths.Take(new Toe.Command.Update { Neighbors = [gateway], Paths = [_path with { Version = 6, Neighbor = gateway.Id }] });
        Assert.Equal(s_other, path.Neighbor.Current.Mac);

        // Nobody goes over the old one any more: it is forgotten, and news of the new one counts.
        Assert.Empty(_paths.Take(new Toe.Command.Update { Neighbors = [_neighbor with { Version = 9 }] }).Neighbors);
        Assert.Single(_paths.Take(new Toe.Command.Update { Neighbors = [gateway with { Version = 1, Mac = s_mac }] }).Neighbors);
        Assert.Equal(s_mac, path.Neighbor.Current.Mac);
    }

    [Fact]
    public void Invalidated_is_unusable_until_a_later_version_says_otherwise()
    {
        PathCell path = _paths.Join(Segment(_neighbor, _path), out _);

        Toe.Event.Updated taken = _paths.Take(new Toe.Command.Invalidate
        {
            Neighbors = [new NeighborVersion(_neighbor.Id, 4)],
            Paths = [new PathVersion(_path.Id, 6)],
        });
        Assert.Single(taken.Neighbors);
        Assert.Single(taken.Paths);
        Assert.False(path.Current.IsUsable);
        Assert.False(path.Neighbor.Current.IsReachable);

        // Sent before, come after.
        _paths.Take(new Toe.Command.Update { Neighbors = [_neighbor with { Version = 3 }], Paths = [_path with { Version = 6 }] });
        Assert.False(path.Current.IsUsable || path.Neighbor.Current.IsReachable);
        _paths.Take(new Toe.Command.Update { Neighbors = [_neighbor with { Version = 5 }], Paths = [_path with { Version = 7 }] });
        Assert.True(path.Current.IsUsable && path.Neighbor.Current.IsReachable);
    }

    [Fact]
    public void What_nobody_goes_over_is_forgotten()
    {
        PathCell path = _paths.Join(Segment(_neighbor, _path), out _);
        _paths.Join(Segment(_neighbor, _path), out _);
        var update = new Toe.Command.Update { Neighbors = [_neighbor with { Version = 4 }], Paths = [_path with { Version = 6 }] };

        _paths.Leave(path);
        Assert.Single(_paths.Take(update).Paths);
        _paths.Leave(path);

        Toe.Event.Updated taken = _paths.Take(new Toe.Command.Update
        {
            Neighbors = [_neighbor with { Version = 5 }],
            Paths = [_path with { Version = 7 }],
        });
        Assert.Empty(taken.Paths);
        Assert.Empty(taken.Neighbors);
    }

    private static SegmentInvariants Segment(Neighbor neighbor, NetworkPath path) =>
        new() { Neighbor = neighbor, Path = path, EffectiveMss = 1460 };
}
