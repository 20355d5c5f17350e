using System.Buffers;
using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>Bytes that were written and that a send buffer has no room for yet, in one pooled array; none while there are none.</summary>
internal sealed class StagedBytes
{
    private const int SmallestArray = 4096;

    private byte[] _array = [];
    private int _from;
    private int _to;

    public int Count => _to - _from;

    /// <summary>The place after the bytes held: at least one byte, at least <paramref name="sizeHint"/>.</summary>
    public Memory<byte> GetMemory(int sizeHint)
    {
        int needed = Math.Max(1, sizeHint);
        if (_array.Length - _to < needed)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestArray, checked(Math.Max(needed, Count) + Count)));
            _array.AsSpan(_from, Count).CopyTo(larger);
            (_from, _to) = (0, Count);
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

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetMemory(bytes.Length).Span);
        Advance(bytes.Length);
    }

    /// <summary>Moves what the buffer takes.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="keepArray">Whether memory after the bytes is lent, so that the array must stay.</param>
    /// <returns>How many bytes were moved.</returns>
    public int MoveTo(SendBuffer buffer, bool keepArray)
    {
        int moved = buffer.Write(_array.AsSpan(_from, Count));
        _from += moved;
        if (Count == 0)
        {
            Clear(keepArray);
        }

        return moved;
    }

    public void Clear(bool keepArray)
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
