using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux;

/// <summary>The C library's calls for shared memory.</summary>
internal static partial class LibcMemory
{
    public const uint CloseOnExec = 1; // MFD_CLOEXEC
    public const int ReadWrite = 3; // PROT_READ | PROT_WRITE
    public const int Shared = 1; // MAP_SHARED
    public const int PunchHole = 3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    public const nint MapFailed = -1;

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial SafeFileHandle CreateMemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate64", SetLastError = true)]
    public static partial int SetLength(SafeFileHandle file, long length);

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    public static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "mmap64", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, SafeFileHandle file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);
}
