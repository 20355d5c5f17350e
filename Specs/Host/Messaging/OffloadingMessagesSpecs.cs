using System.Net;
using System.Security.Cryptography;
using Akka.Actor;
using Akka.Event;
using Akka.IO;
using Akka.TestKit;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Messaging;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host.Messaging;

/// <summary>Connections are moved, looked at and listened to with messages.</summary>
public sealed class OffloadingMessagesSpecs(ITestOutputHelper output) : MessagingLine(output, new HostOptions { ToeCapacity = 1 })
{
    [Fact]
    public async Task A_connections_actor_moves_it_there_and_back_and_shows_its_variables()
    {
        await OpenAsync();
        FarConnection.Tell(new Offloading.Command.Offload(), Far);
        Assert.Equal(1, (await Far.ExpectMsgAsync<MoveResult>(Patience)).Moved);
        ConnectionReport offloaded = await ReportAsync(FarConnection);
        Server.Tcp.Tell(new Offloading.Command.Upload([offloaded.Id]), Far);
        Assert.Equal(1, (await Far.ExpectMsgAsync<MoveResult>(Patience)).Moved);
        ConnectionReport uploaded = await ReportAsync(FarConnection);

        Assert.Equal(("toe-a", 1u, TcpState.Established), (offloaded.Owner, offloaded.Epoch.Value, offloaded.Variants.State));
        Assert.Equal(("managed", 2u), (uploaded.Owner, uploaded.Epoch.Value));
        NearConnection.Tell(Write("still"), Near);
        Assert.Equal("still", await TextAsync(Far, 5));
    }

    [Fact]
    public async Task The_host_reports_all_or_one_and_says_what_it_does_not_have()
    {
        await OpenAsync();
        Server.Tcp.Tell(new Offloading.Command.Query(), Near);
        ConnectionReport only = Assert.Single((await Near.ExpectMsgAsync<Offloading.Answer.Reports>(Patience)).Connections);
        Server.Tcp.Tell(new Offloading.Command.Query(only.Id), Near);
        Assert.Equal(only.Id, (await Near.ExpectMsgAsync<ConnectionReport>(Patience)).Id);

        var nobody = new ConnectionId(4711);
        Server.Tcp.Tell(new Offloading.Command.Query(nobody), Near);
        await Near.ExpectMsgAsync(new Offloading.Answer.NotHere(nobody), Patience);
        Server.Tcp.Tell(new Offloading.Command.Subscribe(nobody, Near), Near);
        await Near.ExpectMsgAsync(new Offloading.Answer.NotHere(nobody), Patience);
    }

    [Fact]
    public async Task A_connections_actor_changes_its_settings_wherever_it_is()
    {
        await OpenAsync();
        ConnectionId id = (await ReportAsync(FarConnection)).Id;
        FarConnection.Tell(new Offloading.Command.Update(null, new ConnectionSettings { Ttl = 9 }), Far);
        await Far.ExpectMsgAsync(new Offloading.Answer.Updated(id), Patience);
        await MoveAsync(new Offloading.Command.Offload());
        Assert.Equal(9, (await ReportAsync(FarConnection)).Segment!.Ttl);

        Server.Tcp.Tell(new Offloading.Command.Update(id, new ConnectionSettings { Ttl = 10 }), Far);
        await Far.ExpectMsgAsync(new Offloading.Answer.Updated(id), Patience);
        Assert.Equal(10, (await ReportAsync(FarConnection)).Segment!.Ttl);

        var nobody = new ConnectionId(4711);
        Server.Tcp.Tell(new Offloading.Command.Update(nobody, new ConnectionSettings { Ttl = 10 }), Far);
        await Far.ExpectMsgAsync(new Offloading.Answer.NotHere(nobody), Patience);
    }

    [Fact]
    public async Task A_subscriber_hears_of_everything_that_happens_to_a_connection_in_its_order()
    {
        await OpenAsync();
        TestProbe events = CreateTestProbe();
        FarConnection.Tell(new Offloading.Command.Subscribe(null, events), events);
        ConnectionId id = (await events.ExpectMsgAsync<Offloading.Answer.Subscribed>(Patience)).Connection!.Value;
        await MoveAsync(new Offloading.Command.Offload());
        await MoveAsync(new Offloading.Command.Upload());
        await MoveAsync(new Offloading.Command.Offload());
        Server.SetNeighbor(IPAddress.Parse("10.77.0.2"), MacAddress.Parse("02:00:00:00:00:77"));
        await events.ExpectMsgAsync(new Offloading.Event.Offloaded(id, new Epoch(1), "toe-a"), Patience);
        await events.ExpectMsgAsync(new Offloading.Event.Uploaded(id, new Epoch(2), "toe-a"), Patience);
        await events.ExpectMsgAsync(new Offloading.Event.Offloaded(id, new Epoch(3), "toe-a"), Patience);
        await events.ExpectMsgAsync(new Offloading.Event.Updated(id, new Epoch(3), "toe-a", InvariantsPart.Neighbor, 1), Patience);
        Server.SetNeighbor(IPAddress.Parse("10.77.0.2"), MacAddress.Parse("02:00:00:00:00:0b"));
        await events.ExpectMsgAsync(new Offloading.Event.Updated(id, new Epoch(3), "toe-a", InvariantsPart.Neighbor, 2), Patience);

        NearConnection.Tell(Tcp.Close.Instance, Near);

        await events.ExpectMsgAsync(new Offloading.Event.UploadRequested(id, new Epoch(3), "toe-a", UploadReason.PeerFin), Patience);
        await events.ExpectMsgAsync(new Offloading.Event.Uploaded(id, new Epoch(4), "toe-a"), Patience);
        await events.ExpectMsgAsync(new Offloading.Event.Ended(id, new Epoch(4), null), Patience);
    }

    [Fact]
    public async Task A_refusal_is_told_with_its_reason_to_who_asked_and_who_subscribed()
    {
        await OpenAsync();
        await MoveAsync(new Offloading.Command.Offload());
        TestProbe events = CreateTestProbe();
        Server.Tcp.Tell(new Offloading.Command.Subscribe(null, events), events);
        await events.ExpectMsgAsync(new Offloading.Answer.Subscribed(null, events), Patience);
        TestProbe second = CreateTestProbe();
        Client.Tcp.Tell(new Tcp.Connect(Address), second);
        await second.ExpectMsgAsync<Tcp.Connected>(Patience);
        await Far.ExpectMsgAsync<Tcp.Connected>(Patience);
        IActorRef crowded = Far.Sender;

        crowded.Tell(new Offloading.Command.Offload(), Far);

        Refusal refusal = Assert.Single((await Far.ExpectMsgAsync<MoveResult>(Patience)).Refused);
        Offloading.Event.Refused told = await events.ExpectMsgAsync<Offloading.Event.Refused>(Patience);
        Assert.Equal((refusal.Connection, refusal.Reason), (told.Connection, told.Reason));
        Assert.Equal("managed", (await ReportAsync(crowded)).Owner);
    }

    [Fact]
    public async Task Who_subscribed_twice_hears_once_and_who_unsubscribed_nothing()
    {
        await OpenAsync();
        TestProbe both = CreateTestProbe();
        TestProbe former = CreateTestProbe();
        foreach (TestProbe probe in new[] { both, former })
        {
            FarConnection.Tell(new Offloading.Command.Subscribe(null, probe), probe);
            Server.Tcp.Tell(new Offloading.Command.Subscribe(null, probe), probe);
            await probe.ExpectMsgAsync<Offloading.Answer.Subscribed>(Patience);
            await probe.ExpectMsgAsync<Offloading.Answer.Subscribed>(Patience);
        }

        Server.Tcp.Tell(new Offloading.Command.Unsubscribe(null, former), former);
        await former.ExpectMsgAsync<Offloading.Answer.Unsubscribed>(Patience);
        await MoveAsync(new Offloading.Command.Offload());
        await former.ExpectMsgAsync<Offloading.Event.Offloaded>(Patience);
        FarConnection.Tell(new Offloading.Command.Unsubscribe(null, former), former);
        await former.ExpectMsgAsync<Offloading.Answer.Unsubscribed>(Patience);
        await MoveAsync(new Offloading.Command.Upload());

        await both.ExpectMsgAsync<Offloading.Event.Offloaded>(Patience);
        await both.ExpectMsgAsync<Offloading.Event.Uploaded>(Patience);
        former.Tell("nothing before this");
        await former.ExpectMsgAsync("nothing before this", Patience);
    }

    [Fact]
    public async Task A_subscriber_that_died_is_forgotten()
    {
        await OpenAsync();
        TestProbe dead = CreateTestProbe();
        TestProbe letters = CreateTestProbe();
        Sys.EventStream.Subscribe(letters, typeof(DeadLetter));
        FarConnection.Tell(new Offloading.Command.Subscribe(null, dead), dead);
        await dead.ExpectMsgAsync<Offloading.Answer.Subscribed>(Patience);
        Server.Tcp.Tell(new Offloading.Command.Subscribe(null, dead), dead);
        await dead.ExpectMsgAsync<Offloading.Answer.Subscribed>(Patience);
        Far.Watch(dead);
        Sys.Stop(dead);
        await Far.ExpectTerminatedAsync(dead, Patience);

        // The supervisor hears of the death in its time. From then on nothing is sent to the dead.
        int undelivered;
        do
        {
            await MoveAsync(new Offloading.Command.Offload());
            await MoveAsync(new Offloading.Command.Upload());
            Sys.EventStream.Publish(new DeadLetter("mark", Far, Far));
            undelivered = 0;
            while ((await letters.ExpectMsgAsync<DeadLetter>(Patience)).Message is not "mark")
            {
                undelivered++;
            }
        }
        while (undelivered > 0 && (await ReportAsync(FarConnection)).Epoch.Value < 1000);

        Assert.Equal(0, undelivered);
    }

    [Fact]
    public async Task Bytes_run_both_ways_while_both_ends_are_moved_by_message()
    {
        await ConnectAsync();
        byte[] up = Random(32 << 20, seed: 5);
        byte[] down = Random(32 << 20, seed: 6);
        IActorRef nearHash = Sys.ActorOf(Props.Create(() => new Hashing(down.Length, Near.Ref, Task.CompletedTask)));
        IActorRef farHash = Sys.ActorOf(Props.Create(() => new Hashing(up.Length, Far.Ref, Task.CompletedTask)));
        NearConnection.Tell(new Tcp.Register(nearHash), Near);
        FarConnection.Tell(new Tcp.Register(farHash), Far);
        foreach (IActorRef end in new[] { NearConnection, FarConnection })
        {
            await end.Ask<MoveResult>(new Offloading.Command.Offload(), Patience);
        }

        NearConnection.Tell(Tcp.Write.Create(ByteString.FromBytes(up)), Near);
        FarConnection.Tell(Tcp.Write.Create(ByteString.FromBytes(down)), Far);
        for (int i = 0; i < 20; i++)
        {
            foreach (IActorRef end in new[] { NearConnection, FarConnection })
            {
                Assert.Equal(1, (await end.Ask<MoveResult>(new Offloading.Command.Upload(), Patience)).Moved);
                Assert.Equal(1, (await end.Ask<MoveResult>(new Offloading.Command.Offload(), Patience)).Moved);
            }
        }

        Assert.Equal(SHA256.HashData(down), await Near.ExpectMsgAsync<byte[]>(Patience));
        Assert.Equal(SHA256.HashData(up), await Far.ExpectMsgAsync<byte[]>(Patience));
    }

    private async Task MoveAsync(object command) => Assert.Equal(1, (await FarConnection.Ask<MoveResult>(command, Patience)).Moved);
}
