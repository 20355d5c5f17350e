namespace TcpActors.Actors;

/// <summary>What a TOE has counted since it was made.</summary>
/// <param name="Connections">Connections it has now.</param>
/// <param name="Taken">Connections it has taken.</param>
/// <param name="GivenBack">Connections it has given back.</param>
/// <param name="Refused">Connections it did not take.</param>
/// <param name="UploadRequests">How often it has asked the host to take one back.</param>
/// <param name="ForwardsDropped">Segments that the host passed on and that no connection's queue took.</param>
public readonly record struct ToeCounters(int Connections, long Taken, long GivenBack, long Refused, long UploadRequests, long ForwardsDropped);
