namespace TcpActors.Bench.Moves;

/// <summary>What runs over the connection that moves. The name goes over the command line of the peer's process.</summary>
internal enum MoveTraffic
{
    /// <summary>Nothing.</summary>
    Idle,

    /// <summary>The peer sends 64 bytes and waits for them to come back, without a pause.</summary>
    Echo,

    /// <summary>The server sends 64 bytes about every 100 µs; the peer notes when they come.</summary>
    MessagesDown,

    /// <summary>
    /// The server sends 64 bytes about every millisecond to a peer that says something every five: one that holds its acknowledgements back.
    /// </summary>
    PushesDown,

    /// <summary>The peer sends 64 bytes about every 100 µs; the server notes when they come.</summary>
    MessagesUp,

    /// <summary>The server sends as fast as it can.</summary>
    BulkDown,

    /// <summary>The peer sends as fast as it can.</summary>
    BulkUp,
}
