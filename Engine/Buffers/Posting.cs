using System.Buffers;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// Memory of an application's own that received bytes go to, while it is posted; guarded by its buffer's lock. Made with a connection's first posting:
/// most connections never post.
/// </summary>
internal sealed unsafe class Posting
{
    private MemoryHandle _pin;
    private int _room = -1;
    private bool _isGivenBack;

    /// <summary>Of all buffers that nothing was ever posted to: never changed.</summary>
    public static Posting None { get; } = new();

    public Memory<byte> Memory { get; private set; }

    /// <summary>Bytes that the memory can still take; -1: none is posted. Any thread may read it.</summary>
    public int Room => Volatile.Read(ref _room);

    /// <summary>Position after the bytes in it.</summary>
    public uint PlacedTo { get; private set; }

    /// <summary>Bytes in it.</summary>
    public int Placed { get; private set; }

    /// <summary>How many of them are not committed.</summary>
    public int Uncommitted { get; set; }

    /// <summary>Bytes that were placed since the beginning.</summary>
    public long PlacedInAll { get; private set; }

    /// <summary>Whether its next bytes are lent to the host, which receives into them.</summary>
    public bool IsLent { get; set; }

    public bool IsWantedBack { get; set; }

    /// <summary>Whether it has been given back to who wanted it, and nobody has heard of it yet. Any thread may read it.</summary>
    public bool IsGivenBack
    {
        get => Volatile.Read(ref _isGivenBack);
        set => Volatile.Write(ref _isGivenBack, value);
    }

    /// <summary>Where the next byte goes.</summary>
    public byte* Address => (byte*)_pin.Pointer + Placed;

    /// <summary>Pins memory for bytes from a position on.</summary>
    public void Begin(Memory<byte> memory, uint position)
    {
        _pin = memory.Pin();
        (Memory, PlacedTo, Placed, IsGivenBack) = (memory, position, 0, false);
        Volatile.Write(ref _room, memory.Length);
    }

    /// <summary>Bytes were placed; below zero: some count no more.</summary>
    public void Advance(int count)
    {
        PlacedTo += (uint)count;
        Placed += count;
        Uncommitted += count;
        PlacedInAll += count;
        Volatile.Write(ref _room, _room - count);
    }

    /// <summary>Nobody writes to the memory from now on. How many bytes were placed is still known.</summary>
    public void End()
    {
        _pin.Dispose();
        (Memory, IsWantedBack) = (default, false);
        Volatile.Write(ref _room, -1);
    }
}
