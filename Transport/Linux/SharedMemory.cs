using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux;

/// <summary>
/// Memory without a name that another process can map through <see cref="FileDescriptor"/> (a memfd). It grows piece by piece; pieces never
/// move. Thread safe, but for <see cref="Extend"/>.
/// </summary>
public sealed class SharedMemory : IDisposable
{
    private readonly List<SharedMapping> _mappings = [];

    /// <param name="name">What /proc shows; need not be unique.</param>
    /// <exception cref="PlatformNotSupportedException">Elsewhere than on Linux.</exception>
    /// <exception cref="IOException">When the kernel refuses it.</exception>
    public SharedMemory(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Shared memory needs Linux; use a ManagedChunkPool elsewhere.");
        }

        FileDescriptor = LibcMemory.CreateMemoryFile(name, LibcMemory.CloseOnExec);
        if (FileDescriptor.IsInvalid)
        {
            throw new IOException($"memfd_create: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>The memory as a file; its length is <see cref="Length"/>. Closed on exec: pass it on explicitly.</summary>
    public SafeFileHandle FileDescriptor { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Maps <paramref name="count"/> more bytes, zeroed; pages are taken from the system when they are touched.</summary>
    /// <param name="count">A multiple of the page size.</param>
    /// <returns>The new piece; it starts at the old <see cref="Length"/>. Null when the system has no memory for it.</returns>
    internal SharedMapping? Extend(int count)
    {
        if (LibcMemory.SetLength(FileDescriptor, Length + count) != 0)
        {
            return null;
        }

        nint address = LibcMemory.Map(
            0, (nuint)count, LibcMemory.ReadWrite, LibcMemory.Shared, FileDescriptor, Length);
        if (address == LibcMemory.MapFailed)
        {
            return null;
        }

        var mapping = new SharedMapping(address, count);
        _mappings.Add(mapping);
        Length += count;
        return mapping;
    }

    /// <summary>Gives pages back to the system; the bytes read as zero from then on.</summary>
    /// <param name="offset">A multiple of the page size.</param>
    /// <param name="count">A multiple of the page size.</param>
    public void Discard(long offset, long count)
    {
        // A failure leaves the pages where they are: the memory stays usable.
        _ = LibcMemory.Allocate(FileDescriptor, LibcMemory.PunchHole, offset, count);
    }

    /// <summary>Unmaps everything and closes the descriptor; nobody may use the memory any more.</summary>
    public void Dispose()
    {
        foreach (SharedMapping mapping in _mappings)
        {
            mapping.Dispose();
        }

        FileDescriptor.Dispose();
    }

    /// <summary>Closes the descriptor; each piece stays until nothing refers to it.</summary>
    internal void Abandon()
    {
        _mappings.Clear();
        FileDescriptor.Dispose();
    }
}

/// <summary>One mapped piece of shared memory, unmapped when nothing refers to it or to its <see cref="Memory"/> any more.</summary>
internal sealed unsafe class SharedMapping : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly int _length;

    public SharedMapping(nint address, int length)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        _length = length;
        Memory = new Manager(this).Memory;
    }

    public byte* Address => (byte*)handle;

    public Memory<byte> Memory { get; }

    protected override bool ReleaseHandle() => LibcMemory.Unmap(handle, (nuint)_length) == 0;

    private sealed class Manager(SharedMapping mapping) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(mapping.Address, mapping._length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(mapping.Address + elementIndex, pinnable: this);

        public override void Unpin()
        {
            // Mapped memory does not move.
        }

        protected override void Dispose(bool disposing)
        {
            // The mapping ends with its handle.
        }
    }
}
