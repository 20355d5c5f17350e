namespace TcpActors.Engine.Wire;

/// <summary>A place in memory that does not move.</summary>
public readonly unsafe struct MemorySlice(byte* start, int length)
{
    public byte* Start { get; } = start;

    /// <summary>Bytes.</summary>
    public int Length { get; } = length;
}

/// <summary>Whoever still has a frame's bytes, and copies them to their place when somebody knows it: one copy instead of two.</summary>
public interface IFrameBytes
{
    /// <summary>Fills places, one after the other, with the bytes of a frame. Any thread.</summary>
    /// <param name="token">The frame.</param>
    /// <param name="offset">The first byte's offset in the frame.</param>
    /// <param name="places">When they take the rest of the frame it is not kept: that can be asked for once.</param>
    /// <exception cref="InvalidOperationException">When the bytes were taken before, or the frame was returned.</exception>
    /// <exception cref="IOException">When the bytes are lost; the frame is then a lost frame.</exception>
    void CopyTo(int token, int offset, ReadOnlySpan<MemorySlice> places);
}

/// <summary>
/// Bytes of a received frame: in memory, or as far as they are not, with whoever received it (<see cref="IFrameBytes"/>).
/// </summary>
public readonly unsafe ref struct SegmentBytes
{
    private readonly IFrameBytes? _rest;
    private readonly int _token;
    private readonly int _offset;

    public SegmentBytes(ReadOnlySpan<byte> bytes)
    {
        InMemory = bytes;
        Length = bytes.Length;
    }

    /// <param name="inMemory">The first of the bytes, as many as are in memory.</param>
    /// <param name="length">How many bytes it is in all.</param>
    /// <param name="rest">Who has the frame.</param>
    /// <param name="token">The frame.</param>
    /// <param name="offset">Where in the frame the bytes begin.</param>
    public SegmentBytes(ReadOnlySpan<byte> inMemory, int length, IFrameBytes rest, int token, int offset)
    {
        InMemory = inMemory;
        Length = length;
        (_rest, _token, _offset) = (rest, token, offset);
    }

    /// <summary>The first bytes, as many as are in memory: all of them, or a TCP header and some more.</summary>
    public ReadOnlySpan<byte> InMemory { get; }

    public int Length { get; }

    public bool IsEmpty => Length == 0;

    public static implicit operator SegmentBytes(ReadOnlySpan<byte> bytes) => new(bytes);

    public static implicit operator SegmentBytes(byte[] bytes) => new(bytes);

    public SegmentBytes Slice(int start, int length)
    {
        if ((uint)start > (uint)Length || (uint)length > (uint)(Length - start))
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"{length} bytes from {start} on are not within {Length}.");
        }

        int from = Math.Min(start, InMemory.Length);
        ReadOnlySpan<byte> bytes = InMemory.Slice(from, Math.Min(length, InMemory.Length - from));
        return _rest is null ? new SegmentBytes(bytes) : new SegmentBytes(bytes, length, _rest, _token, _offset + start);
    }

    /// <summary>Copies the first bytes to their places, as many as these take; at least one, no more than there are bytes.</summary>
    public void CopyTo(ReadOnlySpan<MemorySlice> places)
    {
        if (_rest is not null)
        {
            _rest.CopyTo(_token, _offset, places);
            return;
        }

        int from = 0;
        foreach (MemorySlice place in places)
        {
            InMemory.Slice(from, place.Length).CopyTo(new Span<byte>(place.Start, place.Length));
            from += place.Length;
        }
    }

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        fixed (byte* start = bytes)
        {
            if (Length != 0)
            {
                CopyTo([new MemorySlice(start, Length)]);
            }
        }

        return bytes;
    }

    /// <summary>Whether they are these; they must all be in memory.</summary>
    public bool SequenceEqual(ReadOnlySpan<byte> other) => Length == InMemory.Length && InMemory.SequenceEqual(other);
}
