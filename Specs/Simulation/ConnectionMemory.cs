using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>What of a connection is the host's and outlives every owner: its buffers and the slot that owners commit to.</summary>
internal sealed unsafe class ConnectionMemory : IDisposable
{
    private readonly ulong[] _slot = GC.AllocateArray<ulong>(CommitSlot.Size / sizeof(ulong), pinned: true);

    public ConnectionMemory(ChunkPool pool, NodeSetup setup)
    {
        Send = new SendBuffer(pool, setup.SendBuffer);
        Receive = new ReceiveBuffer(pool, setup.ReceiveBuffer);
        Send.Rebase(setup.Variants.SndUna);
        Receive.Rebase(setup.Variants.RcvNxt);
        Slot = new CommitSlot((nint)Unsafe.AsPointer(ref _slot[0]));
        Slot.Open(new Epoch(1), setup.Variants);
    }

    public SendBuffer Send { get; }

    public ReceiveBuffer Receive { get; }

    public CommitSlot Slot { get; }

    /// <summary>What the owners count.</summary>
    public StrongBox<EngineCounters> Counters { get; } = new();

    public void Dispose()
    {
        Send.Dispose();
        Receive.Dispose();
    }
}
