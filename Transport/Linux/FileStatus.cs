using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux;

/// <summary>What stands at a path itself (a symbolic link is not followed): statx(2).</summary>
public sealed unsafe partial class FileStatus
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint TypeModeOwner = 0x1 | 0x2 | 0x8; // STATX_TYPE | STATX_MODE | STATX_UID
    private const int TypeMask = 0xF000;
    private const int DirectoryType = 0x4000;
    private const int SocketType = 0xC000;
    private readonly ushort _mode;

    private FileStatus(uint owner, ushort mode) => (Owner, _mode) = (owner, mode);

    /// <summary>The owner's user id, seen from this user namespace.</summary>
    public uint Owner { get; }

    public bool IsDirectory => (_mode & TypeMask) == DirectoryType;

    public bool IsSocket => (_mode & TypeMask) == SocketType;

    /// <summary>Who may do what with it.</summary>
    public UnixFileMode Mode => (UnixFileMode)(_mode & ~TypeMask);

    /// <returns>Null when nothing is there, or it cannot be reached.</returns>
    public static FileStatus? Of(string path)
    {
        StatX status;
        return Stat(CurrentDirectory, path, NoFollow, TypeModeOwner, &status) == 0 ? new FileStatus(status.Owner, status.Mode) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(int directory, string path, int flags, uint mask, StatX* status);

    /// <summary>struct statx, the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatX
    {
        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(28)]
        public ushort Mode;
    }
}
