using Microsoft.Win32.SafeHandles;
using TcpActors.Transport.Steering;
using static TcpActors.Transport.Linux.Bpf.BpfSystemCall;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>Kinds of map in use, by their number in uapi/linux/bpf.h.</summary>
internal enum BpfMapType : uint { Hash = 1, PerCpuArray = 6 }

/// <summary>One eBPF map. All calls may come from any thread; each is one system call and is in effect when it returns.</summary>
internal sealed unsafe class BpfMap<TKey, TValue> : IDisposable
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly SafeFileHandle _handle;

    /// <exception cref="SteeringUnavailableException">This process may not create maps (no CAP_BPF), or there is no eBPF here.</exception>
    /// <exception cref="SteeringException">The kernel refused for another reason, such as want of memory.</exception>
    public BpfMap(BpfMapType type, int maxEntries, ReadOnlySpan<byte> name)
    {
        var attributes = new MapAttributes
        {
            Type = (uint)type,
            KeySize = (uint)sizeof(TKey),
            ValueSize = (uint)sizeof(TValue),
            MaxEntries = (uint)maxEntries,
            Name = new ObjectName(name),
        };
        _handle = BpfDescriptor.Own(Run(Command.MapCreate, ref attributes), "create an eBPF map");
    }

    /// <summary>The descriptor, for programs that name this map. Open as long as this object is not disposed.</summary>
    public int Descriptor => (int)_handle.DangerousGetHandle();

    public void Dispose() => _handle.Dispose();

    /// <summary>Inserts or replaces, without a gap between old and new value. Returns 0 or the error number.</summary>
    public int Update(in TKey key, in TValue value)
    {
        fixed (TKey* keyAt = &key)
        fixed (TValue* valueAt = &value)
            return Element(Command.MapUpdate, keyAt, valueAt);
    }

    /// <summary>Returns 0 or the error number, <see cref="NoEntry"/> when nothing was there.</summary>
    public int Delete(in TKey key)
    {
        fixed (TKey* keyAt = &key)
            return Element(Command.MapDelete, keyAt, null);
    }

    /// <summary>
    /// Reads one value; for a per-CPU map <paramref name="values"/> takes one per possible CPU (values of 8 bytes). Returns 0 or the error
    /// number.
    /// </summary>
    public int Lookup(in TKey key, Span<TValue> values)
    {
        fixed (TKey* keyAt = &key)
        fixed (TValue* valuesAt = values)
            return Element(Command.MapLookup, keyAt, valuesAt);
    }

    /// <summary>Number of elements, by walking the keys: for specs and status, not for the data path.</summary>
    public int Count()
    {
        var count = 0;
        TKey previous, next;
        for (TKey* from = null; Element(Command.MapNextKey, from, (TValue*)&next) == 0; count++)
        {
            previous = next;
            from = &previous;
        }

        return count;
    }

    /// <summary>
    /// Inserts or replaces many. <paramref name="done"/> counts the elements that took effect, from the first. Returns 0 or the error
    /// number of element <paramref name="done"/>.
    /// </summary>
    public int Update(ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values, out int done)
    {
        if (values.Length != keys.Length)
            throw new ArgumentException($"{keys.Length} keys need as many values, not {values.Length}.", nameof(values));
        fixed (TKey* keysAt = keys)
        fixed (TValue* valuesAt = values)
            return Batch(Command.MapUpdateBatch, keysAt, valuesAt, keys.Length, out done);
    }

    /// <inheritdoc cref="Update(ReadOnlySpan{TKey}, ReadOnlySpan{TValue}, out int)"/>
    public int Delete(ReadOnlySpan<TKey> keys, out int done)
    {
        fixed (TKey* keysAt = keys)
            return Batch(Command.MapDeleteBatch, keysAt, null, keys.Length, out done);
    }

    private int Element(Command command, TKey* key, TValue* value)
    {
        var held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            var attributes = new ElementAttributes { Map = Descriptor, Key = (ulong)key, Value = (ulong)value };
            return -Run(command, ref attributes);
        }
        finally
        {
            if (held)
                _handle.DangerousRelease();
        }
    }

    private int Batch(Command command, TKey* keys, TValue* values, int count, out int done)
    {
        done = 0;
        if (count == 0)
            return 0;
        var held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            var attributes = new BatchAttributes { Keys = (ulong)keys, Values = (ulong)values, Count = (uint)count, Map = Descriptor };
            var result = Run(command, ref attributes);
            // A call that failed before its first element leaves the count as it was asked for.
            done = result < 0 && attributes.Count == (uint)count ? 0 : (int)attributes.Count;
            return -result;
        }
        finally
        {
            if (held)
                _handle.DangerousRelease();
        }
    }
}
