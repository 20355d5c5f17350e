using System.Numerics;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace TcpActors.Actors.Scheduling;

/// <summary>Named in the embedded <c>reference.conf</c> as <c>tcpactors.connection-mailbox</c>.</summary>
internal sealed class ConnectionMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<DoorbellQueue>
{
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new DoorbellQueue(system.DeadLetters);
}

/// <summary>
/// The message queue of a connection's actor: 48 bytes, where a stock one takes 1,112 for its 32 places. A doorbell is one bit, however often
/// it is rung before it is answered, so ringing needs no memory; other messages form a list, oldest first. Any thread puts in; one at a time
/// takes out, as a dispatcher sees to. Nobody can tell whether a bell was rung before another message was told: they take turns, a bell first,
/// since what has arrived is to be taken before an upload begins.
/// </summary>
/// <param name="noSender">Whom a doorbell is from.</param>
internal sealed class DoorbellQueue(IActorRef noSender) : IMessageQueue, IUnboundedMessageQueueSemantics
{
    private int _rung;

    // Told and not looked at yet, the latest first.
    private Letter? _told;

    // Looked at, the earliest first. Changed by whoever takes out.
    private Letter? _next;

    // After a doorbell: neither can keep the other waiting.
    private bool _isLettersTurn;

    public bool HasMessages =>
        Volatile.Read(ref _rung) != 0 || Volatile.Read(ref _next) is not null || Volatile.Read(ref _told) is not null;

    /// <summary>How many messages wait; exact while nobody puts in or takes out.</summary>
    public int Count =>
        BitOperations.PopCount((uint)Volatile.Read(ref _rung)) + Length(Volatile.Read(ref _next)) + Length(Volatile.Read(ref _told));

    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        if (envelope.Message is ConnectionActor.Doorbell bell)
        {
            Interlocked.Or(ref _rung, 1 << bell.Number);
            return;
        }

        // Compared with what was read and not with what the letter says: once it is told, whoever takes out may turn it round.
        var letter = new Letter(envelope);
        Letter? latest;
        do
        {
            latest = Volatile.Read(ref _told);
            letter.Behind = latest;
        }
        while (Interlocked.CompareExchange(ref _told, letter, latest) != latest);
    }

    public bool TryDequeue(out Envelope envelope)
    {
        if (_next is null && Volatile.Read(ref _told) is not null)
        {
            TurnRound(Interlocked.Exchange(ref _told, null));
        }

        int rung = Volatile.Read(ref _rung);
        if (_next is { } letter && (rung == 0 || _isLettersTurn))
        {
            _isLettersTurn = false;
            Volatile.Write(ref _next, letter.Behind);
            envelope = letter.Envelope;
            return true;
        }

        if (rung == 0)
        {
            envelope = default;
            return false;
        }

        // A full fence: whoever answers the bell sees what it was rung for, and whoever rings from now on is answered again.
        _isLettersTurn = true;
        int number = BitOperations.TrailingZeroCount(rung);
        Interlocked.And(ref _rung, ~(1 << number));
        envelope = new Envelope(ConnectionActor.Doorbell.All[number], noSender);
        return true;
    }

    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        while (TryDequeue(out Envelope envelope))
        {
            deadletters.Enqueue(owner, envelope);
        }
    }

    private void TurnRound(Letter? latest)
    {
        Letter? earliest = null;
        while (latest is { } letter)
        {
            latest = letter.Behind;
            letter.Behind = earliest;
            earliest = letter;
        }

        Volatile.Write(ref _next, earliest);
    }

    private static int Length(Letter? letter)
    {
        int length = 0;
        for (; letter is not null; letter = letter.Behind)
        {
            length++;
        }

        return length;
    }

    private sealed class Letter(Envelope envelope)
    {
        public Envelope Envelope { get; } = envelope;

        /// <summary>The one to be looked at after this one; before the list is turned round, the one told before it.</summary>
        public Letter? Behind { get; set; }
    }
}
