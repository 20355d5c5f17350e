namespace TcpActors.HostSide.Statistics;

/// <summary>What a connection has of its host's memory now, and how far it may go.</summary>
/// <param name="SendMemory">Bytes of memory that the send buffer holds.</param>
/// <param name="SendLimit">Most bytes that may wait in it.</param>
/// <param name="Unacknowledged">Bytes in it: written, and not acknowledged or, while a kernel owns the connection, not taken by it.</param>
/// <param name="ReceiveMemory">Bytes of memory that the receive buffer holds.</param>
/// <param name="ReceiveLimit">Most bytes that may wait in it.</param>
/// <param name="Unread">Bytes in it that the application has not read.</param>
/// <param name="QueuedSegments">Segments that wait for the connection's actor; 0 while no TOE has it.</param>
public readonly record struct ResourceStatistics(
    long SendMemory, int SendLimit, int Unacknowledged, long ReceiveMemory, int ReceiveLimit, int Unread, int QueuedSegments)
{
    /// <summary>Bytes of memory in both buffers.</summary>
    public long Memory => SendMemory + ReceiveMemory;
}
