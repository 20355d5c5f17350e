using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux;

/// <summary>The system calls and structures of packet(7) and epoll(7), as linux/if_packet.h and its kin declare them.</summary>
internal static unsafe partial class PacketSystemCalls
{
    public const int AddressFamilyPacket = 17;
    public const int SocketRaw = 3;
    public const int SocketCloseOnExec = 0x80000;
    public const int SocketNonBlocking = 0x800;

    public const int LevelSocket = 1;
    public const int SocketError = 4;
    public const int SendBuffer = 7;
    public const int AttachFilter = 26;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;
    public const int Mark = 36;

    public const int LevelPacket = 263;
    public const int ReceiveRing = 5;
    public const int Statistics = 6;
    public const int CopyThreshold = 7;
    public const int RingVersion = 10;
    public const int VirtioHeader = 15;
    public const int Fanout = 18;
    public const int IgnoreOutgoing = 23;
    public const int FanoutHash = 0;
    public const int FanoutUniqueId = 0x2000;
    public const int FanoutIgnoreOutgoing = 0x4000;
    public const int TpacketV2 = 1;

    public const uint StatusKernel = 0;
    public const uint StatusUser = 1 << 0;
    public const uint StatusCopy = 1 << 1;
    public const uint StatusChecksumNotReady = 1 << 3;
    public const uint StatusVlanValid = 1 << 4;
    public const uint StatusChecksumValid = 1 << 7;

    public const ushort EtherTypeIPv4 = 0x0800;
    public const ushort EtherTypeIPv6 = 0x86dd;

    public const byte VirtioNeedsChecksum = 1;
    public const byte VirtioDataValid = 2;
    public const byte VirtioTcpV4 = 1;
    public const byte VirtioTcpV6 = 4;

    public const int ProtectReadWrite = 3;
    public const int MapShared = 1;
    public const int DoNotWait = 0x40;

    public const uint EpollIn = 1;
    public const uint EpollError = 8;
    public const uint EpollEdge = 1u << 31;
    public const int EpollAdd = 1;
    public const int EpollDelete = 2;

    // The number is the same on every architecture; glibc has had a wrapper since 2.35 only, musl later still.
    public const nint EpollPwait2Number = 441;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial PacketDescriptor Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(PacketDescriptor socket, in LinkLayerAddress address, uint length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(PacketDescriptor socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(PacketDescriptor socket, int level, int name, void* value, ref uint length);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(PacketDescriptor socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(PacketDescriptor socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial PacketMapping Map(nint address, nuint length, int protection, int flags, PacketDescriptor file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(nint descriptor);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial PacketDescriptor EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(PacketDescriptor epoll, int operation, PacketDescriptor descriptor, byte* epollEvent);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint EpollWait(
        nint number, PacketDescriptor epoll, byte* events, nint count, TimeSpecification* timeout, nint signals, nint signalSize);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial PacketDescriptor EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(PacketDescriptor descriptor, in ulong value, nint length);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(PacketDescriptor descriptor, out ulong value, nint length);

    /// <summary>sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct LinkLayerAddress
    {
        public ushort Family;
        public ushort Protocol;
        public int InterfaceIndex;
        public ushort HardwareType;
        public byte PacketType;
        public byte AddressLength;
        public ulong Address;
    }

    /// <summary>tpacket_req.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct RingRequest
    {
        public uint BlockSize;
        public uint BlockCount;
        public uint SlotSize;
        public uint SlotCount;
    }

    /// <summary>tpacket2_hdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SlotHeader
    {
        public uint Status;
        public uint Length;
        public uint CapturedLength;
        public ushort MacOffset;
        public ushort NetworkOffset;
        public uint Seconds;
        public uint Nanoseconds;
        public ushort VlanTci;
        public ushort VlanTpid;
        public uint Padding;
    }

    /// <summary>tpacket_stats.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct RingStatistics
    {
        public uint Packets;
        public uint Drops;
    }

    /// <summary>virtio_net_hdr, in the machine's byte order.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 2, Size = 10)]
    public struct VirtioNetHeader
    {
        public byte Flags;
        public byte SegmentationType;
        public ushort HeaderLength;
        public ushort SegmentSize;
        public ushort ChecksumStart;
        public ushort ChecksumOffset;
    }

    /// <summary>sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly record struct FilterInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Operand);

    /// <summary>sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FilterProgram
    {
        public ushort Length;
        public FilterInstruction* Instructions;
    }

    /// <summary>iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public void* Base;
        public nint Length;
    }

    /// <summary>mmsghdr of 64-bit machines: a msghdr, padded, and the length that was sent.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nint VectorCount;
        public void* Control;
        public nint ControlLength;
        public int Flags;
        public int FlagsPadding;
        public uint SentLength;
        public uint Padding;
    }

    /// <summary>timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpecification
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
