using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>Who moves next, and how many at a time.</summary>
public sealed class MoveQueueSpecs : TestKit
{
    private readonly ScriptedHost _host;

    public MoveQueueSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "move-queue", output) =>
        _host = new ScriptedHost(Sys, TestActor, new SpecLog(output).CreateLogger("host"));

    [Fact]
    public void No_more_are_under_way_than_the_limit_says()
    {
        var queue = new MoveQueue(limit: 2);
        Tenancy[] all = [.. Enumerable.Range(0, 4).Select(_ => NewTenancy(isOneOfMany: true))];
        Array.ForEach(all, queue.Add);

        Assert.Equal([all[0], all[1]], BeginAll(queue));
        queue.End(all[0]);
        Assert.Equal([all[2]], BeginAll(queue));
        Assert.False(queue.IsEmpty);
    }

    [Fact]
    public void A_single_move_does_not_wait_for_all_of_many()
    {
        var queue = new MoveQueue(limit: 100);
        Tenancy[] many = [.. Enumerable.Range(0, 3).Select(_ => NewTenancy(isOneOfMany: true))];
        Tenancy[] single = [.. Enumerable.Range(0, 3).Select(_ => NewTenancy(isOneOfMany: false))];
        Array.ForEach(many, queue.Add);
        Array.ForEach(single, queue.Add);

        Assert.Equal([single[0], many[0], single[1], many[1], single[2], many[2]], BeginAll(queue));
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void Who_waits_already_does_not_wait_twice()
    {
        var queue = new MoveQueue(limit: 100);
        Tenancy one = NewTenancy(isOneOfMany: false);
        queue.Add(one);
        queue.Add(one);

        Assert.Equal([one], BeginAll(queue));
    }

    [Fact]
    public void Those_that_wait_for_their_peers_are_passed_over_and_not_counted_when_they_end()
    {
        var queue = new MoveQueue(limit: 1);
        Tenancy[] all = [.. Enumerable.Range(0, 4).Select(_ => NewTenancy(isOneOfMany: true))];
        Array.ForEach(all, queue.Add);
        Assert.Equal([all[0]], BeginAll(queue));

        queue.PassOver();
        Assert.Equal([all[1]], BeginAll(queue));
        queue.End(all[0]);
        Assert.Empty(BeginAll(queue));
        queue.End(all[1]);
        Assert.Equal([all[2]], BeginAll(queue));
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _host.Dispose();
    }

    private static List<Tenancy> BeginAll(MoveQueue queue)
    {
        var begun = new List<Tenancy>();
        while (queue.TryNext(out Tenancy? next))
        {
            queue.Begin(next);
            begun.Add(next);
        }

        return begun;
    }

    private Tenancy NewTenancy(bool isOneOfMany) => new(_host.Add(), new SharedInvariants()) { IsOneOfMany = isOneOfMany };
}
