namespace TcpActors.HostSide.Policy;

/// <summary>
/// Decides where a connection is to be run. It only says what it would like: the host sees to it that no TOE gets more than it takes, that no connection
/// is moved more than once in <see cref="HostOptions.MoveHysteresis"/>, and that nobody's word given by hand is overruled.
/// </summary>
public interface IOffloadPolicy
{
    /// <summary>For people: what lists and help call it.</summary>
    string Name { get; }

    /// <summary>
    /// After how many bytes, both directions together, a connection is asked about at once and not only with the next sample
    /// (<see cref="HostOptions.StatisticsInterval"/>). 0: as soon as it is set up; <see cref="long.MaxValue"/>: never.
    /// </summary>
    long AskAfterBytes { get; }

    /// <summary>
    /// Decides about one connection. By what it is told alone, without a clock: the same question has the same answer, so that a record of questions can be
    /// replayed. One thread at a time.
    /// </summary>
    Decision Decide(in OffloadQuestion question);
}
