using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using TcpActors.Actors;
using Xunit;

namespace TcpActors.Specs.Claims;

/// <summary>Every word of <see cref="TcpActors.Actors.Contract.Toe"/> that host and TOE say to each other, in the order in which it reaches a mailbox.</summary>
internal sealed class Conversation : IDisposable
{
    private static readonly ConditionalWeakTable<ActorSystem, Conversation> s_conversations = [];
    private readonly ConcurrentQueue<object> _said = new();

    public Conversation()
    {
        System = ActorSystem.Create("claims", OffloadEngine.ReferenceConfig.WithFallback(ConfigurationFactory.ParseString(
            $$"""
            akka {
              loglevel = WARNING, stdout-loglevel = OFF, loggers = [], log-dead-letters = off, coordinated-shutdown.exit-clr = off
              actor.default-mailbox.mailbox-type = "{{typeof(OverheardMailbox).FullName}}, {{typeof(OverheardMailbox).Assembly.GetName().Name}}"
            }
            """)));
        s_conversations.Add(System, this);
    }

    /// <summary>For the host under test.</summary>
    public ActorSystem System { get; }

    /// <summary>The TOE's actor, for the spec's own questions.</summary>
    public ActorSelection Toe => System.ActorSelection("/user/toe-*");

    public IReadOnlyList<object> Said => [.. _said];

    public int Count<T>() => _said.OfType<T>().Count();

    /// <summary>Waits until something was said.</summary>
    public async Task<T> HearsAsync<T>(Func<T, bool> what)
    {
        await ClaimWorld.UntilAsync(() => Task.FromResult(_said.OfType<T>().Any(what)), $"{typeof(T).FullName} is said");
        return _said.OfType<T>().First(what);
    }

    public void Dispose() => Assert.True(System.Terminate().Wait(ClaimWorld.Patience), "the actors do not end");

    private void Overhear(object message)
    {
        if (message.GetType().DeclaringType?.DeclaringType == typeof(TcpActors.Actors.Contract.Toe))
        {
            _said.Enqueue(message);
        }
    }

    /// <summary>Akka's own mailbox, with somebody who listens.</summary>
    public sealed class OverheardMailbox(Settings settings, Config config)
        : MailboxType(settings, config), IProducesMessageQueue<UnboundedMessageQueue>
    {
        public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new Queue(system);

        private sealed class Queue(ActorSystem system) : IMessageQueue, IUnboundedMessageQueueSemantics
        {
            private readonly UnboundedMessageQueue _inner = new();

            public bool HasMessages => _inner.HasMessages;

            public int Count => _inner.Count;

            public void Enqueue(IActorRef receiver, Envelope envelope)
            {
                if (s_conversations.TryGetValue(system, out Conversation? conversation))
                {
                    conversation.Overhear(envelope.Message);
                }

                _inner.Enqueue(receiver, envelope);
            }

            public bool TryDequeue(out Envelope envelope) => _inner.TryDequeue(out envelope);

            public void CleanUp(IActorRef owner, IMessageQueue deadletters) => _inner.CleanUp(owner, deadletters);
        }
    }
}
