using System.ComponentModel;
using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>
/// The bpf(2) system call. The attribute structs hold the leading fields of `union bpf_attr` (uapi/linux/bpf.h) that a command needs; the
/// kernel takes what is missing as zero.
/// </summary>
internal static unsafe partial class BpfSystemCall
{
    public const int NotPermitted = 1, NoEntry = 2, TooBig = 7, TryAgain = 11, NoMemory = 12, NoDevice = 19, Invalid = 22;

    private static readonly nint _number = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 => 280,
        var other => throw new PlatformNotSupportedException(
            $"The number of the bpf system call is known for x86-64 and arm64, not for {other}."),
    };

    internal enum Command
    {
        MapCreate = 0,
        MapLookup = 1,
        MapUpdate = 2,
        MapDelete = 3,
        MapNextKey = 4,
        ProgramLoad = 5,
        ProgramQuery = 16,
        MapUpdateBatch = 26,
        MapDeleteBatch = 27,
        LinkCreate = 28,
    }

    /// <summary>Runs one command. Returns what the kernel returned, at least 0, or minus the error number.</summary>
    public static int Run<T>(Command command, ref T attributes)
        where T : unmanaged
    {
        fixed (T* pointer = &attributes)
        {
            var result = Syscall(_number, (nint)command, pointer, sizeof(T));
            return result < 0 ? -Marshal.GetLastPInvokeError() : (int)result;
        }
    }

    /// <summary>The system's words for an error number, such as "Operation not permitted (errno 1)".</summary>
    public static string Explain(int errno) => $"{new Win32Exception(errno).Message} (errno {errno})";

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint command, void* attributes, nint size);

    [StructLayout(LayoutKind.Sequential)]
    internal struct MapAttributes
    {
        public uint Type;
        public uint KeySize;
        public uint ValueSize;
        public uint MaxEntries;
        public uint Flags;
        public uint InnerMap;
        public uint NumaNode;
        public ObjectName Name;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ElementAttributes
    {
        public int Map;
        public ulong Key;
        public ulong Value;
        public ulong Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct BatchAttributes
    {
        public ulong InBatch;
        public ulong OutBatch;
        public ulong Keys;
        public ulong Values;
        public uint Count;
        public int Map;
        public ulong ElementFlags;
        public ulong Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ProgramAttributes
    {
        public uint Type;
        public uint InstructionCount;
        public ulong Instructions;
        public ulong License;
        public uint LogLevel;
        public uint LogSize;
        public ulong LogBuffer;
        public uint KernelVersion;
        public uint Flags;
        public ObjectName Name;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct LinkAttributes
    {
        public int Program;
        public int InterfaceIndex;
        public uint AttachType;
        public uint Flags;
        public uint RelativeTo;
        public ulong ExpectedRevision;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct QueryAttributes
    {
        public int InterfaceIndex;
        public uint AttachType;
        public uint QueryFlags;
        public uint AttachFlags;
        public ulong ProgramIds;
        public uint Count;
        public uint Reserved;
        public ulong ProgramAttachFlags;
        public ulong LinkIds;
        public ulong LinkAttachFlags;
        public ulong Revision;
    }

    /// <summary>Name of a map or program as `bpftool` shows it: at most 15 letters, digits, underscores or dots.</summary>
    [System.Runtime.CompilerServices.InlineArray(16)]
    internal struct ObjectName
    {
        private byte _first;

        public ObjectName(ReadOnlySpan<byte> name)
        {
            this = default;
            name[..Math.Min(name.Length, 15)].CopyTo(this);
        }
    }
}
