using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Transport.Links;

/// <summary>
/// The receiving half of an in-memory link: a bounded queue of copied frames. A slot is free, then waiting, then lent, then free again. Its
/// buffer is allocated at first use and replaced when a larger frame comes, so that a steady stream allocates nothing. The lock guards all.
/// </summary>
internal sealed unsafe class InMemoryInbox : IRxFrameOwner
{
    private const int SmallFrame = 2048;

    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _arrived = new(initialState: false);
    private readonly int _largestFrame;
    private readonly Slot[] _slots;
    private readonly int[] _free;
    private readonly int[] _waiting;
    private int _freeCount;
    private int _first;
    private int _count;
    private bool _woken;
    private LinkCounters _counters;

    public InMemoryInbox(int capacity, int largestFrame)
    {
        _largestFrame = largestFrame;
        _slots = new Slot[capacity];
        _free = [.. Enumerable.Range(0, capacity)];
        _waiting = new int[capacity];
        _freeCount = capacity;
    }

    public LinkCounters Counters
    {
        get
        {
            lock (_lock)
            {
                return _counters;
            }
        }
    }

    /// <summary>Copies a frame in; false when every slot is waiting or lent.</summary>
    public bool TryAdd(in TxFrame frame)
    {
        lock (_lock)
        {
            if (_freeCount == 0)
            {
                _counters.RxDropped++;
                return false;
            }

            int index = _free[--_freeCount];
            ref Slot slot = ref _slots[index];
            int length = frame.Length;
            if (slot.Buffer is null || slot.Buffer.Length < length)
            {
                slot.Buffer = GC.AllocateUninitializedArray<byte>(length <= SmallFrame ? SmallFrame : _largestFrame, pinned: true);
            }

            Span<byte> buffer = slot.Buffer;
            new ReadOnlySpan<byte>(frame.Header, frame.HeaderLength).CopyTo(buffer);
            new ReadOnlySpan<byte>(frame.Payload0, frame.Payload0Length).CopyTo(buffer[frame.HeaderLength..]);
            new ReadOnlySpan<byte>(frame.Payload1, frame.Payload1Length).CopyTo(buffer[(frame.HeaderLength + frame.Payload0Length)..]);
            slot.Length = length;
            slot.SegmentSize = (ushort)frame.SegmentSize;
            slot.Checksum = frame.ChecksumPartial ? ChecksumStatus.Good : ChecksumStatus.Unverified;

            int last = _first + _count++;
            _waiting[last % _waiting.Length] = index;
            _arrived.Set();
            return true;
        }
    }

    public int Take(Span<RxFrame> frames, Microseconds timeout)
    {
        int taken = TakeWaiting(frames, mayWait: timeout > Microseconds.Zero, out bool woken);
        if (taken > 0 || woken || timeout <= Microseconds.Zero)
        {
            return taken;
        }

        // The event's resolution is a millisecond; rounding down would turn short waits into a spin.
        long milliseconds = timeout.IsNever ? -1 : Math.Min((timeout.Value + 999) / 1000, int.MaxValue);
        _arrived.Wait((int)milliseconds);
        return TakeWaiting(frames, mayWait: true, out _);
    }

    /// <summary>Drops what waits; what is lent stays lent.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _counters.RxDropped += _count;
            for (; _count > 0; _count--)
            {
                _free[_freeCount++] = _waiting[_first];
                _first = (_first + 1) % _waiting.Length;
            }
        }
    }

    public void Wake()
    {
        lock (_lock)
        {
            _woken = true;
            _arrived.Set();
        }
    }

    /// <exception cref="InvalidOperationException">When the frame has been returned before.</exception>
    public void Return(int token)
    {
        lock (_lock)
        {
            if (!_slots[token].IsLent)
            {
                throw new InvalidOperationException($"Frame {token} was returned twice.");
            }

            _slots[token].IsLent = false;
            _free[_freeCount++] = token;
        }
    }

    private int TakeWaiting(Span<RxFrame> frames, bool mayWait, out bool woken)
    {
        lock (_lock)
        {
            int taken = Math.Min(frames.Length, _count);
            for (int i = 0; i < taken; i++)
            {
                Lend(_waiting[_first], out frames[i]);
                _first = (_first + 1) % _waiting.Length;
            }

            _count -= taken;

            // A receive that does not wait leaves the wake-up to the next one that would.
            woken = mayWait && _woken;
            _woken &= !mayWait;
            if (_count == 0 && !_woken)
            {
                _arrived.Reset();
            }

            return taken;
        }
    }

    private void Lend(int index, out RxFrame frame)
    {
        ref Slot slot = ref _slots[index];
        slot.IsLent = true;
        frame = new RxFrame
        {
            Data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(slot.Buffer!)),
            Length = slot.Length,
            SegmentSize = slot.SegmentSize,
            Checksum = slot.Checksum,
            Token = index,
            Owner = this,
        };
        _counters.RxFrames++;
        _counters.RxBytes += slot.Length;
    }

    private struct Slot
    {
        public byte[]? Buffer;
        public int Length;
        public ushort SegmentSize;
        public ChecksumStatus Checksum;
        public bool IsLent;
    }
}
