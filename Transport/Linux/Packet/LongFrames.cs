using System.Buffers;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// The frames of one ring that are longer than a slot. The kernel puts their headers into the slot and the whole frame, without a copy, into
/// the socket's queue (PACKET_COPY_THRESH, TP_STATUS_COPY), both in one order. From there each is copied once, to the place where its
/// payload belongs. One that is asked for before an older one has been taken sends the older one to memory of its own first.
/// </summary>
internal sealed unsafe class LongFrames(PacketDescriptor socket, int slots) : IFrameBytes
{
    // What comes before the first place: the headers, and what of the payload had been received before.
    private const int MostSkipped = 2048;
    private const int MostPlaces = 8;
    private const int Truncate = 0x20;
    private const int Attempts = 3;

    private readonly Lock _lock = new();
    private readonly Frame[] _frames = new Frame[slots];
    private readonly Queue<int> _queued = new();

    private enum Where : byte
    {
        Nowhere,
        InSocket,
        InMemory,
    }

    /// <summary>A frame whose slot is lent from now on.</summary>
    public void Add(int slot, int length)
    {
        lock (_lock)
        {
            _frames[slot] = new Frame { Length = length, Where = Where.InSocket };
            _queued.Enqueue(slot);
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
            if (frame.Where == Where.InSocket)
            {
                BringToFront(token);
                if (offset + total >= frame.Length && offset <= MostSkipped && places.Length <= MostPlaces)
                {
                    _queued.Dequeue();
                    frame.Where = Where.Nowhere;
                    Receive(offset, places, frame.Length);
                    return;
                }

                // A part of it: the rest may be asked for later.
                SpillFirst();
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
            if (frame.Where == Where.InSocket)
            {
                BringToFront(token);
                _queued.Dequeue();
                try
                {
                    Receive(0, [], frame.Length);
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

    private void BringToFront(int token)
    {
        while (_queued.Peek() != token)
        {
            SpillFirst();
        }
    }

    private void SpillFirst()
    {
        ref Frame frame = ref _frames[_queued.Dequeue()];
        byte[] memory = ArrayPool<byte>.Shared.Rent(frame.Length);
        try
        {
            fixed (byte* start = memory)
            {
                Receive(0, [new MemorySlice(start, frame.Length)], frame.Length);
            }

            (frame.Memory, frame.Where) = (memory, Where.InMemory);
        }
        catch (IOException)
        {
            // Whoever asks for it finds it gone.
            frame.Where = Where.Nowhere;
            ArrayPool<byte>.Shared.Return(memory);
        }
    }

    private void Receive(int offset, ReadOnlySpan<MemorySlice> places, int length)
    {
        byte* skipped = stackalloc byte[sizeof(VirtioNetHeader) + MostSkipped];
        IoVector* vectors = stackalloc IoVector[1 + MostPlaces];
        vectors[0] = new IoVector { Base = skipped, Length = sizeof(VirtioNetHeader) + offset };
        for (int i = 0; i < places.Length; i++)
        {
            vectors[1 + i] = new IoVector { Base = places[i].Start, Length = places[i].Length };
        }

        var message = new MessageHeader { Vectors = vectors, VectorCount = 1 + places.Length };
        nint received = -1;
        for (int i = 0; i < Attempts && received < 0; i++)
        {
            // The first call after the interface went down tells that instead.
            received = TryReceive(&message);
        }

        if (received != sizeof(VirtioNetHeader) + length)
        {
            throw new IOException(received < 0
                ? $"A frame could not be read from its socket: {Marshal.GetLastPInvokeErrorMessage()}."
                : $"The socket gave a frame of {received} bytes instead of {length}.");
        }
    }

    private nint TryReceive(MessageHeader* message)
    {
        try
        {
            return ReceiveMessage(socket, message, DoNotWait | Truncate);
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
    }
}
