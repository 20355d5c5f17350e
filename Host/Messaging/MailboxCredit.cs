using Akka.Actor;

namespace TcpActors.HostSide.Messaging;

/// <summary>
/// Bounds what lies in a handler's mailbox, without the handler's help: every actor answers an <see cref="Identify"/> by itself, and only when it has come to it,
/// so the answer says that everything before it was handled.
/// </summary>
/// <param name="limit">Most bytes that lie there, about.</param>
internal sealed class MailboxCredit(int limit)
{
    /// <summary>What a message takes beside its bytes.</summary>
    private const int MessageCost = 256;

    private int _unanswered;
    private int _unasked;

    /// <summary>Whether the handler has not come to what was sent before.</summary>
    public bool IsSpent => _unanswered + _unasked >= limit;

    /// <summary>A message with so many bytes has been sent.</summary>
    public void Sent(int bytes, IActorRef handler, IActorRef self)
    {
        _unasked += bytes + MessageCost;
        if (_unasked >= limit / 4)
        {
            handler.Tell(new Identify(_unasked), self);
            _unanswered += _unasked;
            _unasked = 0;
        }
    }

    /// <returns>Whether this answers a question of <see cref="Sent"/>.</returns>
    public bool TryTake(ActorIdentity answer)
    {
        if (answer.MessageId is not int handled)
        {
            return false;
        }

        _unanswered -= handled;
        return true;
    }
}
