using Akka.Actor;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Scheduling;
using Xunit;

namespace TcpActors.Specs.Actors;

/// <summary>The queue in which a connection's messages wait.</summary>
public sealed class ConnectionMailboxSpecs : TestKit
{
    private readonly DoorbellQueue _queue;

    public ConnectionMailboxSpecs()
        : base(OffloadEngine.ReferenceConfig) => _queue = new DoorbellQueue(Sys.DeadLetters);

    [Fact]
    public void Messages_come_in_the_order_they_were_told_and_take_turns_with_doorbells_a_bell_first()
    {
        Put("one", "two", ConnectionActor.Doorbell.Application, ConnectionActor.Doorbell.Segments);
        Assert.Equal(4, _queue.Count);

        Assert.Same(ConnectionActor.Doorbell.Segments, Take());
        Put("three", ConnectionActor.Doorbell.Segments);

        Assert.Equal(["one", ConnectionActor.Doorbell.Segments, "two", ConnectionActor.Doorbell.Application, "three"], TakeAll());
        Assert.False(_queue.HasMessages);
    }

    [Fact]
    public void A_doorbell_is_answered_once_however_often_it_was_rung_and_again_when_it_is_rung_again()
    {
        Put(ConnectionActor.Doorbell.Timer, ConnectionActor.Doorbell.Segments, ConnectionActor.Doorbell.Timer);
        Assert.Equal([ConnectionActor.Doorbell.Segments, ConnectionActor.Doorbell.Timer], TakeAll());

        Put(ConnectionActor.Doorbell.Timer);

        Assert.True(_queue.HasMessages);
        Assert.Same(ConnectionActor.Doorbell.Timer, Take());
    }

    [Fact]
    public void Ringing_and_answering_allocate_nothing()
    {
        var ring = new Envelope(ConnectionActor.Doorbell.Segments, Sys.DeadLetters);
        long before = 0;
        for (int i = 0; i < 2000; i++)
        {
            before = i == 1000 ? GC.GetAllocatedBytesForCurrentThread() : before;
            _queue.Enqueue(TestActor, ring);
            Assert.True(_queue.TryDequeue(out _));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task No_message_is_lost_or_doubled_and_no_sender_is_overtaken_by_itself()
    {
        const int Senders = 4;
        const int Each = 50_000;
        Task[] senders = [.. Enumerable.Range(0, Senders).Select(sender => Task.Run(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                Put((sender, i), ConnectionActor.Doorbell.All[i % 3]);
            }
        }))];

        int[] next = new int[Senders];
        while (next.Sum() < Senders * Each)
        {
            if (_queue.TryDequeue(out Envelope envelope) && envelope.Message is (int sender, int number))
            {
                Assert.Equal(next[sender]++, number);
            }
        }

        await Task.WhenAll(senders);
        Assert.All(TakeAll(), message => Assert.IsType<ConnectionActor.Doorbell>(message));
    }

    [Fact]
    public void What_waits_when_the_actor_ends_goes_to_the_dead_letters_as_told()
    {
        Put("told", ConnectionActor.Doorbell.Segments);
        var seen = new DoorbellQueue(Sys.DeadLetters);

        _queue.CleanUp(TestActor, seen);

        Assert.True(seen.TryDequeue(out Envelope bell));
        Assert.Equal((ConnectionActor.Doorbell.Segments, Sys.DeadLetters), (bell.Message, bell.Sender));
        Assert.True(seen.TryDequeue(out Envelope told));
        Assert.Equal(("told", TestActor), (told.Message, told.Sender));
        Assert.False(_queue.HasMessages);
    }

    [Fact]
    public void A_connections_actor_is_made_with_it()
    {
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.Offload();

        var supervisor = Assert.IsType<ActorRefWithCell>(toes.A.Toe.Supervisor, exactMatch: false);
        var connection = Assert.IsType<ActorRefWithCell>(Assert.Single(supervisor.Children), exactMatch: false);
        ActorCell cell = Assert.IsType<ActorCell>(connection.Underlying);
        Assert.IsType<DoorbellQueue>(cell.Mailbox?.MessageQueue);
    }

    private void Put(params object[] messages)
    {
        foreach (object message in messages)
        {
            _queue.Enqueue(TestActor, new Envelope(message, TestActor));
        }
    }

    private object Take()
    {
        Assert.True(_queue.TryDequeue(out Envelope envelope));
        return envelope.Message;
    }

    private List<object> TakeAll()
    {
        var messages = new List<object>();
        while (_queue.TryDequeue(out Envelope envelope))
        {
            messages.Add(envelope.Message);
        }

        return messages;
    }
}
