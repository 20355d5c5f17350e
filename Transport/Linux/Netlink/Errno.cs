namespace TcpActors.Transport.Linux.Netlink;

/// <summary>The Linux error numbers that netlink callers tell apart (asm-generic/errno.h; the same on x86-64 and arm64).</summary>
internal static class Errno
{
    public const int PermissionDenied = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Again = 11;
    public const int AccessDenied = 13;
    public const int Exists = 17;
    public const int NoDevice = 19;
    public const int Invalid = 22;
    public const int BadMessage = 74;
    public const int MessageTooLong = 90;
    public const int ProtocolNotSupported = 93;
    public const int NotSupported = 95;
    public const int FamilyNotSupported = 97;
    public const int NetworkDown = 100;
    public const int NetworkUnreachable = 101;
    public const int NoBufferSpace = 105;
    public const int TimedOut = 110;
    public const int HostUnreachable = 113;
}
