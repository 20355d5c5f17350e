using TcpActors.HostSide.Policy;

namespace TcpActors.Specs.Host.Policy;

/// <summary>Wishes a move each time it is asked.</summary>
internal sealed class Restless : IOffloadPolicy
{
    public string Name => "restless";

    public long AskAfterBytes => 0;

    public Decision Decide(in OffloadQuestion question) =>
        new(question.IsOffloaded ? Wish.Upload : Wish.Offload, question.Connection.Received.BytesPerSecond, "again");
}
