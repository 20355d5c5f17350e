namespace TcpActors.Engine.Recovery;

/// <summary>Where F-RTO stands (RFC 5682 3.1), which tells a spurious time-out.</summary>
public enum ForwardRto : byte
{
    /// <summary>It is not under way.</summary>
    Off = 0,

    /// <summary>The first segment was sent again: step 2.</summary>
    FirstAck = 1,

    /// <summary>New data was sent: step 3.</summary>
    SecondAck = 2,
}
