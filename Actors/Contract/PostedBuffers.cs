using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;

namespace TcpActors.Actors.Contract;

/// <summary>The owner's doorbells, rung by the application's side after it changed a buffer. Any thread; must not block.</summary>
public interface IOwnerDoorbell
{
    /// <summary>Bytes were written to the send buffer.</summary>
    void DataReady();

    /// <summary>Enough was read from the receive buffer for a window update to be worth a look.</summary>
    void WindowOpened();
}

/// <summary>What the application's side of a connection wants to hear from the owner of the variables. Any thread; must not block.</summary>
public interface IApplicationFace
{
    /// <summary>From now on this is the owner to ring.</summary>
    void OwnedBy(IOwnerDoorbell owner);

    /// <summary>Committed bytes are there to be read and should be handed up.</summary>
    void NotifyReadable();

    /// <summary>Memory of the send buffer became free.</summary>
    void NotifyWritable();

    /// <summary>Nothing has moved for a while: what comes back with use may be given up.</summary>
    void NotifyIdle()
    {
    }
}

/// <summary>
/// The host memory of one connection that its owner works on: the send and receive buffer and the slot its variables are committed to.
/// A move within one process moves none of it.
/// </summary>
public sealed record PostedMemory(SendBuffer Send, ReceiveBuffer Receive, CommitSlot Slot, IApplicationFace Application)
{
    /// <summary>
    /// What its owners count: in the host's memory, so that it outlives a move and an actor's crash and is read without asking anybody.
    /// </summary>
    public StrongBox<EngineCounters> Counters { get; init; } = new();
}

/// <summary>The buffers that the host has posted (the patent's fig. 2, step 206), by connection. Any thread.</summary>
public sealed class PostedBuffers
{
    private readonly ConcurrentDictionary<ConnectionId, PostedMemory> _memory = new();

    public int Count => _memory.Count;

    /// <exception cref="InvalidOperationException">When buffers for that connection are posted already.</exception>
    public void Post(ConnectionId connection, PostedMemory memory)
    {
        if (!_memory.TryAdd(connection, memory))
        {
            throw new InvalidOperationException($"Buffers for connection {connection} are posted already.");
        }
    }

    /// <summary>The host closed the connection and takes its memory back.</summary>
    public void Withdraw(ConnectionId connection) => _memory.TryRemove(connection, out _);

    public bool TryGet(ConnectionId connection, out PostedMemory memory) => _memory.TryGetValue(connection, out memory!);
}
