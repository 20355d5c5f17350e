using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <summary>What one TOE has and has counted at a moment: a copy, which nothing changes any more.</summary>
/// <param name="Name">The TOE's.</param>
/// <param name="IsLinkUp">Whether its link can send and receive.</param>
/// <param name="Capacity">Most connections that it takes at a time.</param>
/// <param name="Connections">What it counts of connections.</param>
/// <param name="Link">What its link counts.</param>
/// <param name="Receive">What its dispatchers count, all together.</param>
public sealed record ToeReading(string Name, bool IsLinkUp, int Capacity, ToeCounters Connections, LinkCounters Link, DispatchCounters Receive);
