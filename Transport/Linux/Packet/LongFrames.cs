using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// The frames of one ring that are longer than a slot. The kernel puts their headers into the slot and the whole frame, without a copy, into
/// the socket's queue (PACKET_COPY_THRESH, TP_STATUS_COPY), both in one order. From there each is copied once, to the place where its
/// payload belongs. One that is asked for before an older one has been taken sends the older one to memory of its own first.
/// Nothing but that order says which frame the socket gives, so each is compared with its slot. When one is not the frame that is due, or none
/// comes, the socket is emptied and every frame that waits in it is lost: TCP repairs that, and would not repair another frame's bytes.
/// </summary>
internal sealed unsafe class LongFrames(PacketDescriptor socket, int slots) : IFrameBytes
{
    // What comes before the first place: the headers, and what of the payload had been received before.
    private const int MostSkipped = 2048;
    private const int MostPlaces = 8;

    // How much of a frame is compared: Ethernet, IPv6 and TCP header with timestamps, and some more.
    private const int Compared = 96;
    private const int Peek = 2;
    private const int Truncate = 0x20;
    private const int Attempts = 3;

    private readonly Lock _lock = new();
    private readonly Frame[] _frames = new Frame[slots];
    private readonly Queue<int> _queued = new();

    // The socket was emptied, perhaps of frames whose slots were not taken yet.
    private bool _isAdrift;

    private enum Where : byte
    {
        Nowhere,
        InSocket,
        InMemory,
        Lost,
    }

    /// <summary>A frame whose slot is lent from now on.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="length">Bytes of the whole frame.</param>
    /// <param name="inSlot">Its first bytes; they stay until it is dropped.</param>
    public void Add(int slot, int length, ReadOnlySpan<byte> inSlot)
    {
        lock (_lock)
        {
            ref Frame frame = ref _frames[slot];
            frame = new Frame
            {
                Length = length,
                Where = Where.InSocket,
                Head = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(inSlot)),
                HeadLength = Math.Min(inSlot.Length, Compared),
            };

            // What is in the socket by now came after it was emptied, so its first frame is the next one that is not lost.
            _isAdrift = _isAdrift && !IsNext(in frame);
            if (_isAdrift)
            {
                frame.Where = Where.Lost;
            }
            else
            {
                _queued.Enqueue(slot);
            }
        }
    }

    public void CopyTo(int token, int offset, ReadOnlySpan<MemorySlice> places)
    {
        int total = 0;
        foreach (MemorySlice place in places)
        {
            total += place.Length;
        }

        lock (_lock)
        {
            ref Frame frame = ref _frames[token];
            if (TryBringToFront(token))
            {
                if (offset + total >= frame.Length && offset <= MostSkipped && places.Length <= MostPlaces)
                {
                    ReceiveFirst(offset, places);
                    frame.Where = Where.Nowhere;
                    return;
                }

                // A part of it: the rest may be asked for later.
                SpillFirst();
            }

            if (frame.Where == Where.Lost)
            {
                throw new IOException($"Frame {token} was lost.");
            }

            if (frame.Where != Where.InMemory)
            {
                throw new InvalidOperationException($"The bytes of frame {token} were taken before.");
            }

            ReadOnlySpan<byte> bytes = frame.Memory.AsSpan(offset, Math.Min(total, frame.Length - offset));
            foreach (MemorySlice place in places)
            {
                bytes[..place.Length].CopyTo(new Span<byte>(place.Start, place.Length));
                bytes = bytes[place.Length..];
            }
        }
    }

    /// <summary>Forgets a frame, before its slot is returned. Any thread.</summary>
    public void Drop(int token)
    {
        lock (_lock)
        {
            ref Frame frame = ref _frames[token];
            if (TryBringToFront(token))
            {
                try
                {
                    ReceiveFirst(Compared, []);
                }
                catch (IOException)
                {
                    // It was not wanted.
                }
            }

            if (frame.Memory is { } memory)
            {
                ArrayPool<byte>.Shared.Return(memory);
            }

            frame = default;
        }
    }

    /// <returns>False when it is not in the socket (any more).</returns>
    private bool TryBringToFront(int token)
    {
        while (_frames[token].Where == Where.InSocket && _queued.Peek() != token)
        {
            SpillFirst();
        }

        return _frames[token].Where == Where.InSocket;
    }

    private void SpillFirst()
    {
        ref Frame frame = ref _frames[_queued.Peek()];
        byte[] memory;
        try
        {
            memory = ArrayPool<byte>.Shared.Rent(frame.Length);
        }
        catch (OutOfMemoryException)
        {
            LoseAll();
            return;
        }

        try
        {
            fixed (byte* start = memory)
            {
                ReceiveFirst(0, [new MemorySlice(start, frame.Length)]);
            }

            (frame.Memory, frame.Where) = (memory, Where.InMemory);
        }
        catch (IOException)
        {
            // Whoever asks for it finds it gone.
            ArrayPool<byte>.Shared.Return(memory);
        }
    }

    /// <summary>Takes the oldest frame out of the socket; it is the caller's to say where it is then.</summary>
    /// <exception cref="IOException">It is lost, and so are all others that were in the socket.</exception>
    private void ReceiveFirst(int offset, ReadOnlySpan<MemorySlice> places)
    {
        ref Frame frame = ref _frames[_queued.Dequeue()];
        frame.Where = Where.Lost;
        byte* skipped = stackalloc byte[sizeof(VirtioNetHeader) + MostSkipped];
        IoVector* vectors = stackalloc IoVector[1 + MostPlaces];
        vectors[0] = new IoVector { Base = skipped, Length = sizeof(VirtioNetHeader) + offset };
        for (int i = 0; i < places.Length; i++)
        {
            vectors[1 + i] = new IoVector { Base = places[i].Start, Length = places[i].Length };
        }

        var message = new MessageHeader { Vectors = vectors, VectorCount = 1 + places.Length };
        try
        {
            nint received = Receive(&message, DoNotWait | Truncate);
            if (received < 0)
            {
                throw new IOException($"A frame could not be read from its socket: {Marshal.GetLastPInvokeErrorMessage()}.");
            }

            if (received != sizeof(VirtioNetHeader) + frame.Length || !IsHeadOf(in frame, skipped + sizeof(VirtioNetHeader), offset, places))
            {
                throw new IOException($"The socket gave another frame ({received} bytes) than the one of {frame.Length} bytes that was due.");
            }
        }
        catch (IOException)
        {
            LoseAll();
            throw;
        }
    }

    private static bool IsHeadOf(in Frame frame, byte* skipped, int offset, ReadOnlySpan<MemorySlice> places)
    {
        var head = new ReadOnlySpan<byte>(frame.Head, frame.HeadLength);
        int length = Math.Min(offset, head.Length);
        bool isSame = head[..length].SequenceEqual(new ReadOnlySpan<byte>(skipped, length));
        head = head[length..];
        foreach (MemorySlice place in places)
        {
            length = Math.Min(place.Length, head.Length);
            isSame &= head[..length].SequenceEqual(new ReadOnlySpan<byte>(place.Start, length));
            head = head[length..];
        }

        return isSame;
    }

    /// <summary>Whether it is the first frame in the socket.</summary>
    private bool IsNext(in Frame frame)
    {
        byte* bytes = stackalloc byte[sizeof(VirtioNetHeader) + Compared];
        var vector = new IoVector { Base = bytes, Length = sizeof(VirtioNetHeader) + Compared };
        var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
        try
        {
            return Receive(&message, DoNotWait | Truncate | Peek) == sizeof(VirtioNetHeader) + frame.Length
                && IsHeadOf(in frame, bytes + sizeof(VirtioNetHeader), Compared, []);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Gives up every frame in the socket, so that the order is known again from the next one that comes.</summary>
    private void LoseAll()
    {
        foreach (int token in _queued)
        {
            _frames[token].Where = Where.Lost;
        }

        _queued.Clear();
        _isAdrift = true;
        byte* start = stackalloc byte[sizeof(VirtioNetHeader)];
        var vector = new IoVector { Base = start, Length = sizeof(VirtioNetHeader) };
        var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
        try
        {
            // A failure takes its frame out as well. No more can come than there are slots, as none is returned meanwhile.
            for (int i = 0; i < 2 * slots; i++)
            {
                if (Receive(&message, DoNotWait | Truncate) < 0 && Marshal.GetLastPInvokeError() == PacketFailure.TryAgain)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // The link is closed.
        }
    }

    /// <summary>
    /// The kernel has taken the frame out before most failures (EFAULT, EINVAL): another try would get the next frame. Not so when it tells that
    /// the interface went down, which the first call after that does.
    /// </summary>
    private nint Receive(MessageHeader* message, int flags)
    {
        nint received = -1;
        for (int i = 0; i < Attempts; i++)
        {
            received = TryReceive(message, flags);
            if (received >= 0 || Marshal.GetLastPInvokeError() is not (PacketFailure.Interrupted or PacketFailure.NetworkDown))
            {
                break;
            }
        }

        return received;
    }

    private nint TryReceive(MessageHeader* message, int flags)
    {
        try
        {
            return ReceiveMessage(socket, message, flags);
        }
        catch (ObjectDisposedException closed)
        {
            throw new IOException("The link was closed, and with it went what it had not handed over.", closed);
        }
    }

    private struct Frame
    {
        public int Length;
        public Where Where;
        public byte[]? Memory;

        // In the slot.
        public byte* Head;
        public int HeadLength;
    }
}
