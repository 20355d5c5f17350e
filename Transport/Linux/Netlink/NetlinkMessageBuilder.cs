using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// Writes one or more netlink messages into one datagram, in host byte order with everything aligned to four bytes.
/// A message begins with <see cref="Begin{T}"/> and ends where the next begins or the datagram is sent.
/// </summary>
internal sealed class NetlinkMessageBuilder
{
    private const ushort NestedFlag = 0x8000;
    private readonly string _operation;
    private byte[] _buffer = new byte[512];
    private int _length;
    private int _message = -1;

    /// <param name="operation">What the request does, for errors: "Cannot {operation}: ...".</param>
    public NetlinkMessageBuilder(string operation) => _operation = operation;

    public string Operation => _operation;

    public NetlinkMessageBuilder Begin<T>(ushort type, NetlinkFlags flags, in T header)
        where T : unmanaged
    {
        EndMessage();
        _message = _length;
        var start = Append(NetlinkMessage.HeaderSize);
        MemoryMarshal.Write(start[4..], type);
        MemoryMarshal.Write(start[6..], (ushort)(flags | NetlinkFlags.Request));
        Raw(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in header)));
        return this;
    }

    public NetlinkMessageBuilder Bytes(ushort type, ReadOnlySpan<byte> value)
    {
        Header(type, value.Length);
        Raw(value);
        return this;
    }

    public NetlinkMessageBuilder Byte(ushort type, byte value) => Bytes(type, [value]);

    public NetlinkMessageBuilder UInt32(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        MemoryMarshal.Write(bytes, value);
        return Bytes(type, bytes);
    }

    public NetlinkMessageBuilder UInt32BigEndian(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Bytes(type, bytes);
    }

    public NetlinkMessageBuilder UInt16BigEndian(ushort type, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return Bytes(type, bytes);
    }

    public NetlinkMessageBuilder Address(ushort type, IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        return Bytes(type, bytes[..written]);
    }

    /// <summary>A string with its terminating zero.</summary>
    public NetlinkMessageBuilder Text(ushort type, string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        Header(type, length + 1);
        Encoding.UTF8.GetBytes(value, Append(length + 1));
        return this;
    }

    /// <summary>A fixed structure inside a nest, e.g. the ifinfomsg of a veth's peer.</summary>
    public NetlinkMessageBuilder Structure<T>(in T value)
        where T : unmanaged
    {
        Raw(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        return this;
    }

    /// <summary>Opens a nest; disposing what it returns closes it.</summary>
    public Nest Nested(ushort type)
    {
        var start = _length;
        Header((ushort)(type | NestedFlag), 0);
        return new Nest(this, start);
    }

    /// <summary>Numbers the messages from <paramref name="first"/> on and gives the finished datagram.</summary>
    /// <param name="first">The first message's sequence number.</param>
    /// <param name="answered">The sequence number of the last message that asks for an acknowledgement or a dump.</param>
    /// <param name="next">The sequence number after the last one used.</param>
    public Span<byte> Finish(uint first, out uint answered, out uint next)
    {
        EndMessage();
        _message = -1;
        answered = first;
        next = first;
        for (var at = 0; at < _length;)
        {
            var header = _buffer.AsSpan(at);
            MemoryMarshal.Write(header[8..], next);
            var flags = (NetlinkFlags)MemoryMarshal.Read<ushort>(header[6..]);
            if ((flags & NetlinkFlags.Ack) != NetlinkFlags.None || (flags & NetlinkFlags.Dump) == NetlinkFlags.Dump)
                answered = next;
            next++;
            at += (int)MemoryMarshal.Read<uint>(header);
        }

        return _buffer.AsSpan(0, _length);
    }

    private void EndMessage()
    {
        if (_message >= 0)
            MemoryMarshal.Write(_buffer.AsSpan(_message), (uint)(_length - _message));
    }

    private void Header(ushort type, int valueLength)
    {
        var total = valueLength + 4;
        if (total > ushort.MaxValue)
            throw new ArgumentException("A netlink attribute holds less than 64 KiB.", nameof(valueLength));
        var header = Append(4);
        MemoryMarshal.Write(header, (ushort)total);
        MemoryMarshal.Write(header[2..], type);
    }

    private void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Append(bytes.Length));

    private Span<byte> Append(int count)
    {
        var padded = (count + 3) & ~3;
        if (_length + padded > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + padded));
        var space = _buffer.AsSpan(_length, padded);
        space.Clear();
        _length += padded;
        return space;
    }

    /// <summary>An open nest.</summary>
    internal readonly ref struct Nest(NetlinkMessageBuilder builder, int start)
    {
        public void Dispose()
        {
            var length = builder._length - start;
            if (length > ushort.MaxValue)
                throw new InvalidOperationException("A netlink attribute holds less than 64 KiB.");
            MemoryMarshal.Write(builder._buffer.AsSpan(start), (ushort)length);
        }
    }
}
