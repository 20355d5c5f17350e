using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>The netlink families in use (linux/netlink.h).</summary>
public enum NetlinkProtocol
{
    Route = 0,
    SocketDiagnostics = 4,
    Xfrm = 6,
    Netfilter = 12,
}

/// <summary>Flags of a netlink message (linux/netlink.h); the meaning of the upper ones depends on the request.</summary>
[Flags]
internal enum NetlinkFlags : ushort
{
    None = 0,
    Request = 0x1,
    Multi = 0x2,
    Ack = 0x4,
    DumpInterrupted = 0x10,
    Dump = 0x300,
    Replace = 0x100,
    Exclusive = 0x200,
    Create = 0x400,
    Append = 0x800,

    /// <summary>In NLMSG_ERROR: the failed request is not repeated.</summary>
    Capped = 0x100,

    /// <summary>In NLMSG_ERROR and NLMSG_DONE: extended acknowledgement attributes follow.</summary>
    AckAttributes = 0x200,
}

/// <summary>One received netlink message: struct nlmsghdr and what follows it. Valid while the receive buffer is.</summary>
internal readonly ref struct NetlinkMessage
{
    public const int HeaderSize = 16;
    public const ushort Error = 2;
    public const ushort Done = 3;
    public const ushort FirstOfFamily = 16;

    public required ushort Type { get; init; }

    public required NetlinkFlags Flags { get; init; }

    public required uint Sequence { get; init; }

    public required ReadOnlySpan<byte> Payload { get; init; }

    /// <summary>Takes the next message off <paramref name="datagram"/>; false at its end or when the rest is malformed.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> datagram, out NetlinkMessage message)
    {
        message = default;
        if (datagram.Length < HeaderSize)
            return false;
        var length = MemoryMarshal.Read<uint>(datagram);
        if (length < HeaderSize || length > datagram.Length)
            return false;
        message = new NetlinkMessage
        {
            Type = MemoryMarshal.Read<ushort>(datagram[4..]),
            Flags = (NetlinkFlags)MemoryMarshal.Read<ushort>(datagram[6..]),
            Sequence = MemoryMarshal.Read<uint>(datagram[8..]),
            Payload = datagram[HeaderSize..(int)length],
        };
        datagram = datagram[Math.Min((int)((length + 3) & ~3u), datagram.Length)..];
        return true;
    }

    /// <summary>The family's fixed header; false when the message is too short to hold one.</summary>
    public bool TryReadHeader<T>(out T header)
        where T : unmanaged
        => MemoryMarshal.TryRead(Payload, out header);

    /// <summary>The attributes after a fixed header of <paramref name="headerSize"/> bytes.</summary>
    public NetlinkAttributes Attributes(int headerSize)
        => new(Payload[Math.Min((headerSize + 3) & ~3, Payload.Length)..]);
}

/// <summary>Walks attributes (struct nlattr); ends quietly at the first one that does not fit, so no message can make it fail.</summary>
internal ref struct NetlinkAttributes
{
    private ReadOnlySpan<byte> _rest;
    private NetlinkAttribute _current;

    public NetlinkAttributes(ReadOnlySpan<byte> bytes) => _rest = bytes;

    public readonly NetlinkAttribute Current => _current;

    public readonly NetlinkAttributes GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < 4)
            return false;
        var length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
            return false;
        // The two upper bits say "nested" and "network byte order"; they are no part of the type.
        _current = new NetlinkAttribute((ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & 0x3fff), _rest[4..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>The value of the first attribute of <paramref name="type"/>; empty when there is none.</summary>
    public readonly ReadOnlySpan<byte> Find(ushort type)
    {
        foreach (var attribute in this)
        {
            if (attribute.Type == type)
                return attribute.Value;
        }

        return default;
    }
}

/// <summary>One attribute. The number properties read what fits and give 0 for a value that is too short.</summary>
internal readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    public ushort Type { get; } = type;

    public ReadOnlySpan<byte> Value { get; } = value;

    public uint UInt32 => Value.Length >= 4 ? MemoryMarshal.Read<uint>(Value) : 0;

    public int Int32 => (int)UInt32;

    public uint UInt32BigEndian => Value.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(Value) : 0;

    public NetlinkAttributes Nested => new(Value);

    /// <summary>A string, with or without its terminating zero.</summary>
    public string Text
    {
        get
        {
            var end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }
}
