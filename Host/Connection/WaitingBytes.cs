using System.Buffers;
using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>
/// Bytes that were written and that a send buffer has no room for yet: staged ones in one pooled array, then the rest of a write's own
/// memory, which is borrowed while that write waits. Nothing is held while there are none.
/// </summary>
internal sealed class WaitingBytes
{
    private const int SmallestArray = 4096;

    private byte[] _array = [];
    private int _from;
    private int _to;
    private ReadOnlyMemory<byte> _borrowed;

    public bool IsEmpty => _from == _to && _borrowed.IsEmpty;

    private int Staged => _to - _from;

    /// <summary>The place after the staged bytes, of at least <paramref name="sizeHint"/> and one byte. Nothing may be borrowed.</summary>
    public Memory<byte> GetMemory(int sizeHint)
    {
        int needed = Math.Max(1, sizeHint);
        if (_array.Length - _to < needed)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestArray, checked(Math.Max(needed, Staged) + Staged)));
            _array.AsSpan(_from, Staged).CopyTo(larger);
            (_from, _to) = (0, Staged);
            GiveBack();
            _array = larger;
        }

        return _array.AsMemory(_to);
    }

    /// <exception cref="ArgumentOutOfRangeException">When there is not so much memory.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _array.Length - _to);
        _to += count;
    }

    /// <summary>Appends bytes without a copy; <see cref="StageBorrowed"/> must come before their owner gets them back.</summary>
    public void Borrow(ReadOnlyMemory<byte> bytes)
    {
        StageBorrowed();
        _borrowed = bytes;
    }

    /// <summary>Copies what is still borrowed: its owner may do with it what it likes from then on.</summary>
    public void StageBorrowed()
    {
        if (!_borrowed.IsEmpty)
        {
            _borrowed.Span.CopyTo(GetMemory(_borrowed.Length).Span);
            _to += _borrowed.Length;
            _borrowed = default;
        }
    }

    /// <summary>Moves what the buffer takes and has memory for.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="keepArray">Whether memory after the staged bytes is lent, so that the array must stay.</param>
    /// <param name="isStarved">Whether something stays because the pool has no memory left.</param>
    /// <returns>Whether anything was moved.</returns>
    public bool MoveTo(SendBuffer buffer, bool keepArray, out bool isStarved)
    {
        int moved = buffer.Write(_array.AsSpan(_from, Staged), out isStarved);
        _from += moved;
        if (Staged == 0)
        {
            int taken = buffer.Write(_borrowed.Span, out isStarved);

            // An empty rest would still hold on to the writer's memory.
            _borrowed = taken == _borrowed.Length ? default : _borrowed[taken..];
            moved += taken;
            ReleaseArray(keepArray);
        }

        return moved != 0;
    }

    public void Clear(bool keepArray)
    {
        _borrowed = default;
        ReleaseArray(keepArray);
    }

    private void ReleaseArray(bool keepArray)
    {
        _from = _to;
        if (!keepArray)
        {
            GiveBack();
            (_array, _from, _to) = ([], 0, 0);
        }
    }

    private void GiveBack()
    {
        if (_array.Length != 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }
    }
}
