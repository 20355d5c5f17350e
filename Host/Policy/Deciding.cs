using TcpActors.HostSide.Policy.Recording;

namespace TcpActors.HostSide.Policy;

/// <summary>By what a host decides on moves.</summary>
/// <param name="Policy">Whose wishes.</param>
/// <param name="Hysteresis">How long a connection stays where it was moved to.</param>
/// <param name="Trace">Gets a record of everything that is told and decided; null: there is none.</param>
internal sealed record Deciding(IOffloadPolicy Policy, TimeSpan Hysteresis, TraceWriter? Trace = null)
{
    /// <summary>After how many bytes a connection is asked about for the first time; where there is a record, at once, so that it knows of each.</summary>
    public long AskAfterBytes => Trace is null ? Policy.AskAfterBytes : 0;

    /// <summary>Whether anybody wants to hear of samples.</summary>
    public bool NeedsSamples => Trace is not null || !ReferenceEquals(Policy, OffloadPolicies.Never);
}
