using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TcpActors.Engine.Buffers;

/// <summary>Chunks in pinned arrays of the managed heap: works everywhere, cannot be shared with another process.</summary>
/// <param name="chunkSize">Bytes of one chunk: a power of two.</param>
/// <param name="limit">Bytes that may be lent at one time.</param>
/// <param name="keepReady">Bytes in returned chunks that are kept; what is beyond goes to the garbage collector.</param>
public sealed unsafe class ManagedChunkPool(
    int chunkSize = ChunkPool.DefaultChunkSize, long limit = 1L << 30, long keepReady = 16 << 20)
    : ChunkPool(chunkSize, limit, keepReady)
{
    protected override bool TryCreate([NotNullWhen(true)] out Chunk? chunk)
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(ChunkSize, pinned: true);
        byte* address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(bytes));
        chunk = new Chunk(address, MemoryMarshal.CreateFromPinnedArray(bytes, 0, bytes.Length));
        return true;
    }

    protected override void Retire(Chunk chunk)
    {
        // Nothing refers to it any more.
    }
}
