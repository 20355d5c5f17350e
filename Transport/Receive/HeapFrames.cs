using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>
/// Copies of frames outside of any link's ring, for owners that lag behind: pinned buffers of three sizes (ordinary frames, jumbo frames,
/// super-segments), a bounded number of which is kept for reuse. How much can be out at once is bounded by the flow queues.
/// </summary>
internal sealed unsafe class HeapFrames : IRxFrameOwner
{
    /// <summary>The longest frame that has room in a buffer.</summary>
    public const int Largest = 72 * 1024;

    private const int SmallSize = 2048;
    private const int JumboSize = 16 * 1024;
    private const int KeptOfEach = 64;

    private readonly Lock _lock = new();
    private readonly Stack<int> _freeSmall = new();
    private readonly Stack<int> _freeJumbo = new();
    private readonly Stack<int> _freeLarge = new();
    private readonly Stack<int> _freeTokens = new();
    private readonly List<byte[]?> _buffers = [];

    /// <summary>Bytes of memory that the copy of a frame takes.</summary>
    public static int SizeFor(int length) => length <= SmallSize ? SmallSize : length <= JumboSize ? JumboSize : Largest;

    /// <summary>Copies a frame, whole, and returns the original to its owner.</summary>
    /// <param name="frame">By value: callers put the copy into the same place.</param>
    /// <param name="copy">The copy.</param>
    /// <returns>False when its link has lost the rest of it, or it is longer than <see cref="Largest"/>; it was returned nevertheless.</returns>
    /// <exception cref="OutOfMemoryException">When there is no memory for it; it was returned nevertheless.</exception>
    public bool TryCopy(RxFrame frame, out RxFrame copy)
    {
        copy = frame;
        int token = -1;
        bool isWhole = false;
        try
        {
            if (frame.Length > Largest)
            {
                return false;
            }

            token = Rent(frame.Length);
            copy.Owner = this;
            copy.Token = token;
            copy.Data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_buffers[token]!));
            (copy.Missing, copy.Rest) = (0, null);
            frame.Slice(0, frame.Length).CopyTo([new MemorySlice(copy.Data, frame.Length)]);
            isWhole = true;
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            if (token >= 0 && !isWhole)
            {
                Return(token);
            }

            frame.Return();
        }
    }

    /// <summary>A frame without a link's header, made of a packet that came another way than over a link.</summary>
    /// <returns>False when it is longer than <see cref="Largest"/>.</returns>
    public bool TryCopy(ReadOnlySpan<byte> packet, out RxFrame copy)
    {
        copy = default;
        if (packet.Length > Largest)
        {
            return false;
        }

        int token = Rent(packet.Length);
        byte[] buffer = _buffers[token]!;
        packet.CopyTo(buffer);
        copy = new RxFrame
        {
            Data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(buffer)),
            Length = packet.Length,
            Checksum = ChecksumStatus.Good,
            Token = token,
            Owner = this,
        };
        return true;
    }

    public void Return(int token)
    {
        lock (_lock)
        {
            Stack<int> free = FreeOf(_buffers[token]!.Length);
            if (free.Count < KeptOfEach)
            {
                free.Push(token);
            }
            else
            {
                _buffers[token] = null;
                _freeTokens.Push(token);
            }
        }
    }

    private Stack<int> FreeOf(int size) => size == SmallSize ? _freeSmall : size == JumboSize ? _freeJumbo : _freeLarge;

    private int Rent(int length)
    {
        lock (_lock)
        {
            int size = SizeFor(length);
            Stack<int> free = FreeOf(size);
            if (free.TryPop(out int token))
            {
                return token;
            }

            byte[] buffer = GC.AllocateUninitializedArray<byte>(size, pinned: true);
            if (_freeTokens.TryPop(out token))
            {
                _buffers[token] = buffer;
                return token;
            }

            _buffers.Add(buffer);
            return _buffers.Count - 1;
        }
    }
}
