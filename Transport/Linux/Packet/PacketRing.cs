using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// A receive socket of one EtherType with its TPACKET_V2 ring. The status word of a slot says whose it is: 0 the kernel's, with the user
/// bit a new frame's, <see cref="StatusLent"/> a borrower's. The kernel fills slots in order and stops at the first that is not its own.
/// One thread takes; any thread returns.
/// </summary>
internal sealed unsafe class PacketRing : IRxFrameOwner, IDisposable
{
    // Any value but 0 keeps the kernel off; without the user bit it is not a new frame either.
    private const uint StatusLent = 1u << 16;
    private const int SmallBlock = 64 * 1024;
    private const int CacheLine = 64;

    // Where frames may not wait in the socket: room for every super-segment.
    private const int LargeSlot = 128 * 1024;
    private const int LargeSlots = 256;

    private readonly PacketMapping _mapping;
    private readonly byte* _start;
    private readonly LongFrames? _long;
    private readonly int _slotSize;
    private readonly int _blockSize;
    private readonly int _slotsPerBlock;
    private readonly int _slots;
    private readonly Lock _statisticsLock = new();
    private int _next;
    private int _group;
    private long _overflowed;
    private long _truncated;

    /// <summary>Opens the socket with filter and ring, and binds it last: a frame that the filter does not want never gets in.</summary>
    /// <exception cref="LinkException">When the kernel refuses.</exception>
    public PacketRing(PacketInterface device, ushort etherType, FilterInstruction[] filter, PacketLinkOptions options)
    {
        Socket = PacketSystemCalls.Socket(AddressFamilyPacket, SocketRaw | SocketCloseOnExec | SocketNonBlocking, 0);
        try
        {
            if (Socket.IsInvalid)
            {
                throw PacketFailure.Last(device.Name, "open a packet socket");
            }

            Set(device, RingVersion, TpacketV2);
            Set(device, VirtioHeader, 1);
            Set(device, IgnoreOutgoing, 1);
            bool mayWait = options.SlotSize < LargeSlot && TryLetLongFramesWait(device, options.LongFrameMemory);
            bool mustFit = !mayWait && options.SlotSize < LargeSlot;
            _slotSize = mustFit ? LargeSlot : options.SlotSize;
            int page = Environment.SystemPageSize;
            _blockSize = _slotSize > SmallBlock / 2 ? (_slotSize + page - 1) / page * page : SmallBlock;
            _slotsPerBlock = _blockSize / _slotSize;
            int blocks = ((mustFit ? LargeSlots : options.RingSlots) + _slotsPerBlock - 1) / _slotsPerBlock;
            _slots = blocks * _slotsPerBlock;
            _long = mayWait ? new LongFrames(Socket, _slots) : null;
            PacketFilter.Attach(Socket, filter, device.Name);
            var request = new RingRequest
            {
                BlockSize = (uint)_blockSize,
                BlockCount = (uint)blocks,
                SlotSize = (uint)_slotSize,
                SlotCount = (uint)_slots,
            };
            PacketFailure.Check(
                SetOption(Socket, LevelPacket, ReceiveRing, &request, (uint)sizeof(RingRequest)), device.Name, "make a receive ring");
            nuint length = (nuint)blocks * (nuint)_blockSize;
            _mapping = Map(0, length, ProtectReadWrite, MapShared, Socket, 0);
            if (_mapping.IsInvalid)
            {
                throw PacketFailure.Last(device.Name, "map the receive ring");
            }

            _mapping.Length = length;
            _start = (byte*)_mapping.DangerousGetHandle();
            Bind(device, etherType);
        }
        catch
        {
            _mapping?.Dispose();
            Socket.Dispose();
            throw;
        }
    }

    public PacketDescriptor Socket { get; }

    /// <summary>
    /// Shares the frames that arrive with other rings of the same EtherType: the kernel gives each flow to one of them, by a hash that is the
    /// same for every ring of the group.
    /// </summary>
    /// <param name="device">For the message when the kernel refuses.</param>
    /// <param name="first">A ring of the group; null: the group begins with this one.</param>
    /// <exception cref="LinkException">When the kernel refuses.</exception>
    public void Share(PacketInterface device, PacketRing? first)
    {
        // A group has a switch of its own for outgoing frames, in place of its sockets'.
        int kind = FanoutHash | FanoutIgnoreOutgoing;
        Set(device, Fanout, (first is null ? kind | FanoutUniqueId : kind) << 16 | (first?._group ?? 0));
        int group = 0;
        uint length = sizeof(int);
        PacketFailure.Check(GetOption(Socket, LevelPacket, Fanout, &group, ref length), device.Name, "share a packet socket");
        _group = group & 0xffff;
    }

    /// <summary>How many frames the kernel has room for.</summary>
    public int Slots => _slots;

    /// <summary>Frames lost because no slot was free or none was large enough.</summary>
    public long Dropped
    {
        get
        {
            lock (_statisticsLock)
            {
                // PACKET_STATISTICS counts from the last reading.
                RingStatistics statistics = default;
                uint length = (uint)sizeof(RingStatistics);
                if (!Socket.IsClosed && GetOption(Socket, LevelPacket, Statistics, &statistics, ref length) == 0)
                {
                    _overflowed += statistics.Drops;
                }

                return _overflowed + Volatile.Read(ref _truncated);
            }
        }
    }

    /// <summary>Takes the frames that are there, in order.</summary>
    /// <exception cref="ObjectDisposedException">When the ring was disposed before the call.</exception>
    public int Take(Span<RxFrame> frames)
    {
        bool isReferenced = false;
        _mapping.DangerousAddRef(ref isReferenced);
        try
        {
            return TakeMapped(frames);
        }
        finally
        {
            _mapping.DangerousRelease();
        }
    }

    /// <summary>Reads the error that the kernel keeps for the socket (the interface went down), so that it is not told of again.</summary>
    public void ClearError()
    {
        int error = 0;
        uint length = sizeof(int);
        _ = GetOption(Socket, LevelSocket, SocketError, &error, ref length);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">When the frame has been returned before.</exception>
    public void Return(int token)
    {
        var slot = (SlotHeader*)Slot(token);
        if (_long is not null && slot->CapturedLength < slot->Length)
        {
            _long.Drop(token);
        }

        if (Interlocked.CompareExchange(ref slot->Status, StatusKernel, StatusLent) != StatusLent)
        {
            throw new InvalidOperationException($"Frame {token} was returned twice.");
        }

        _mapping.DangerousRelease();
    }

    public void Dispose()
    {
        Socket.Dispose();
        _mapping.Dispose();
    }

    private int TakeMapped(Span<RxFrame> frames)
    {
        int taken = 0;
        while (taken < frames.Length)
        {
            var slot = (SlotHeader*)Slot(_next);
            uint status = Volatile.Read(ref slot->Status);
            if ((status & StatusUser) == 0)
            {
                break;
            }

            bool isCut = slot->CapturedLength < slot->Length;
            if (isCut && (status & StatusCopy) != 0)
            {
                _long!.Add(_next, (int)slot->Length, new ReadOnlySpan<byte>((byte*)slot + slot->MacOffset, (int)slot->CapturedLength));
            }

            if (slot->Length > HeapFrames.Largest || (isCut && (status & StatusCopy) == 0))
            {
                Refuse(slot);
            }
            else
            {
                Lend(slot, status, out frames[taken++]);
            }

            _next = _next + 1 < _slots ? _next + 1 : 0;
        }

        return taken;
    }

    private byte* Slot(int index) => _slotsPerBlock == 1
        ? _start + ((long)index * _blockSize)
        : _start + ((long)(index / _slotsPerBlock) * _blockSize) + (index % _slotsPerBlock * _slotSize);

    private void Lend(SlotHeader* slot, uint status, out RxFrame frame)
    {
        bool isReferenced = false;
        _mapping.DangerousAddRef(ref isReferenced);
        slot->Status = StatusLent;
        byte* data = (byte*)slot + slot->MacOffset;
        if (Sse.IsSupported)
        {
            // The headers are looked at when the whole batch is taken, and then the next slot: both come from the other core's cache.
            Sse.Prefetch0(data);
            Sse.Prefetch0(data + CacheLine);
            Sse.Prefetch0(Slot(_next + 1 < _slots ? _next + 1 : 0));
        }

        var offload = (VirtioNetHeader*)(data - sizeof(VirtioNetHeader));
        bool isGood = (status & (StatusChecksumNotReady | StatusChecksumValid)) != 0
            || (offload->Flags & (VirtioNeedsChecksum | VirtioDataValid)) != 0;
        frame = new RxFrame
        {
            Data = data,
            Length = (int)slot->Length,
            Missing = (int)(slot->Length - slot->CapturedLength),
            Rest = slot->CapturedLength < slot->Length ? _long : null,
            SegmentSize = offload->SegmentationType == 0 ? (ushort)0 : offload->SegmentSize,
            HasVlanTag = (status & StatusVlanValid) != 0,
            VlanTci = slot->VlanTci,
            Checksum = isGood ? ChecksumStatus.Good : ChecksumStatus.Unverified,
            Token = _next,
            Owner = this,
        };
    }

    /// <summary>No room in the socket for a long frame, or one that is longer than any that is expected.</summary>
    private void Refuse(SlotHeader* slot)
    {
        _long?.Drop(_next);
        Volatile.Write(ref slot->Status, StatusKernel);
        Volatile.Write(ref _truncated, _truncated + 1);
    }

    private bool TryLetLongFramesWait(PacketInterface device, int memory)
    {
        // The kernel doubles it.
        int half = memory / 2;
        if (SetOption(Socket, LevelSocket, ReceiveBufferForce, &half, sizeof(int)) != 0)
        {
            return false;
        }

        Set(device, CopyThreshold, 1);
        return true;
    }

    private void Set(PacketInterface device, int option, int value) =>
        PacketFailure.Check(SetOption(Socket, LevelPacket, option, &value, sizeof(int)), device.Name, "prepare a packet socket");

    private void Bind(PacketInterface device, ushort etherType)
    {
        var address = new LinkLayerAddress
        {
            Family = AddressFamilyPacket,
            Protocol = BinaryPrimitives.ReverseEndianness(etherType),
            InterfaceIndex = device.Index,
        };
        PacketFailure.Check(PacketSystemCalls.Bind(Socket, in address, 20), device.Name, "bind a packet socket");
    }
}
