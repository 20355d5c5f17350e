using System.Runtime.CompilerServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>One SACK block (RFC 2018 3): the bytes from <see cref="Left"/> up to, not including, <see cref="Right"/>.</summary>
public readonly record struct SackBlock(SeqNum Left, SeqNum Right);

/// <summary>Up to four SACK blocks, by value.</summary>
public struct SackBlocks
{
    private Four _blocks;

    /// <summary>How many there are: 0 to 4.</summary>
    public int Count { get; private set; }

    public readonly SackBlock this[int index] =>
        (uint)index < (uint)Count ? _blocks[index] : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>Appends a block; beyond four it is left out.</summary>
    public void Add(SackBlock block)
    {
        if (Count < 4)
        {
            _blocks[Count++] = block;
        }
    }

    [InlineArray(4)]
    private struct Four
    {
        private SackBlock _first;
    }
}
