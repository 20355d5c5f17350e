using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>Offloads a connection once it has moved a number of bytes, both directions together; 0: as soon as it is set up.</summary>
internal sealed class AfterBytesPolicy : IOffloadPolicy
{
    private readonly string _reason;

    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public AfterBytesPolicy(long bytes)
    {
        AskAfterBytes = OptionValue.Within(bytes, 0, long.MaxValue);
        Name = bytes == 0 ? "always" : $"bytes:{bytes}";
        _reason = bytes == 0 ? "always" : $"it has moved {bytes} bytes";
    }

    public string Name { get; }

    public long AskAfterBytes { get; }

    public Decision Decide(in OffloadQuestion question)
    {
        ConnectionStatistics connection = question.Connection;
        return !question.IsOffloaded && connection.Received.Bytes + connection.Sent.Bytes >= AskAfterBytes
            ? new Decision(Wish.Offload, 0, _reason)
            : new Decision(Wish.Stay, 0, "as it is") { AskAgainAt = question.IsOffloaded ? long.MaxValue : AskAfterBytes };
    }
}
