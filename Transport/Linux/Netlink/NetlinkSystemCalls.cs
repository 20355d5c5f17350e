using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>The C library's calls that netlink needs: .NET's <c>Socket</c> does not know AF_NETLINK.</summary>
internal static unsafe partial class NetlinkSystemCalls
{
    public const int AfNetlink = 16;
    public const int SockRaw = 3;
    public const int SockCloexec = 0x80000;
    public const int SolSocket = 1;
    public const int SoSndbufForce = 32;
    public const int SoRcvbufForce = 33;
    public const int SoRcvbuf = 8;
    public const int SolNetlink = 270;
    public const int NetlinkAddMembership = 1;
    public const int NetlinkCapAck = 10;
    public const int NetlinkExtAck = 11;
    public const int MsgTrunc = 0x20;
    public const int MsgDontwait = 0x40;
    public const short PollIn = 1;
    public const int EfdCloexec = 0x80000;
    public const int EfdNonblock = 0x800;

    [StructLayout(LayoutKind.Sequential)]
    public struct SockaddrNl
    {
        public ushort Family;
        public ushort Padding;
        public uint PortId;
        public uint Groups;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeHandle socket, in SockaddrNl address, uint length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(SafeHandle socket, ref SockaddrNl address, ref uint length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(SafeHandle socket, int level, int name, in int value, uint length);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(SafeHandle socket, byte* buffer, nint length, int flags, in SockaddrNl address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    public static partial nint ReceiveFrom(
        SafeHandle socket, byte* buffer, nint length, int flags, ref SockaddrNl address, ref uint addressLength);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle descriptor, in ulong value, nint length);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle descriptor, out ulong value, nint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(nint descriptor);
}

/// <summary>Owns a descriptor made by a system call; closes it exactly once, after the last call that uses it.</summary>
internal sealed class DescriptorHandle : SafeHandle
{
    public DescriptorHandle(int descriptor)
        : base(invalidHandleValue: -1, ownsHandle: true) => SetHandle(descriptor);

    public override bool IsInvalid => handle == -1;

    protected override bool ReleaseHandle() => NetlinkSystemCalls.Close(handle) == 0;
}
