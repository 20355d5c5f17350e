using System.Runtime.CompilerServices;
using TcpActors.Engine.State;

namespace TcpActors.Actors.Contract;

/// <summary>
/// Where the owner of a connection publishes its variables: <see cref="Size"/> bytes of host memory that outlive the actor (and, in
/// shared memory, the process). The first word holds the owner's epoch, a version and a "being written" bit; a commit of another epoch
/// is refused, so a stale owner publishes nothing. One writer; any number of readers.
/// </summary>
public sealed unsafe class CommitSlot
{
    /// <summary>Bytes of memory a slot takes: whole cache lines, so that two connections never share one.</summary>
    public static readonly int Size = (sizeof(ulong) + sizeof(SegmentVariants) + CacheLine - 1) / CacheLine * CacheLine;

    private const int CacheLine = 64;

    private const ulong Writing = 1;
    private const ulong VersionStep = 2;
    private const ulong VersionMask = 0xffff_ffff;

    private readonly byte* _memory;

    /// <param name="memory"><see cref="Size"/> bytes, aligned to 8, that stay where they are as long as the slot is in use.</param>
    public CommitSlot(nint memory) => _memory = (byte*)memory;

    private ref ulong Word => ref Unsafe.AsRef<ulong>(_memory);

    private ref SegmentVariants Stored => ref Unsafe.AsRef<SegmentVariants>(_memory + sizeof(ulong));

    /// <summary>The epoch whose owner may commit.</summary>
    public Epoch Epoch => new((uint)(Volatile.Read(ref Word) >> 32));

    /// <summary>
    /// Gives the slot to the owner of <paramref name="epoch"/>, with the variables it starts from. From now on every commit of an
    /// older epoch is refused. Waits for a commit that is being written at this instant (256 bytes; it cannot be long).
    /// </summary>
    /// <exception cref="OwnershipException">When the slot has that epoch or a later one already.</exception>
    public void Open(Epoch epoch, in SegmentVariants variants)
    {
        Lock(requiredEpoch: null, out ulong word);
        if ((uint)(word >> 32) >= epoch.Value && word >> 32 != 0)
        {
            Volatile.Write(ref Word, word);
            throw new OwnershipException($"The slot is owned in epoch {word >> 32}; epoch {epoch} cannot open it.");
        }

        Stored = variants;
        Volatile.Write(ref Word, ((ulong)epoch.Value << 32) | (((word & VersionMask) + VersionStep) & VersionMask & ~Writing));
    }

    /// <summary>Publishes the owner's variables.</summary>
    /// <returns>False, and nothing is published, when the slot belongs to another epoch.</returns>
    public bool TryCommit(Epoch epoch, in SegmentVariants variants)
    {
        if (!Lock(epoch, out ulong word))
        {
            return false;
        }

        Stored = variants;
        Volatile.Write(ref Word, (word & ~VersionMask) | (((word & VersionMask) + VersionStep) & VersionMask));
        return true;
    }

    /// <summary>The last committed variables and their epoch; never a mixture of two commits.</summary>
    public SegmentVariants Read(out Epoch epoch)
    {
        var spin = default(SpinWait);
        while (true)
        {
            ulong before = Volatile.Read(ref Word);
            if ((before & Writing) == 0)
            {
                SegmentVariants copy = Stored;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref Word) == before)
                {
                    epoch = new Epoch((uint)(before >> 32));
                    return copy;
                }
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private bool Lock(Epoch? requiredEpoch, out ulong word)
    {
        var spin = default(SpinWait);
        while (true)
        {
            word = Volatile.Read(ref Word);
            if (requiredEpoch is { } epoch && (uint)(word >> 32) != epoch.Value)
            {
                return false;
            }

            if ((word & Writing) == 0 && Interlocked.CompareExchange(ref Word, word | Writing, word) == word)
            {
                return true;
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }
}
