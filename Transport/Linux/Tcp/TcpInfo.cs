using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Tcp;

/// <summary>What <c>getsockopt(TCP_INFO)</c> tells of a connection (linux/tcp.h, struct tcp_info).</summary>
internal readonly struct TcpInfo
{
    private const byte OptionTimestamps = 1;
    private const byte OptionSack = 2;
    private const byte OptionWindowScale = 4;
    private const byte OptionEcn = 8;
    private const byte OptionMicrosecondTimestamps = 64;
    private readonly byte[] _bytes;

    public TcpInfo(byte[] bytes) => _bytes = bytes;

    public byte State => _bytes[0];

    public bool HasTimestamps => (_bytes[5] & OptionTimestamps) != 0;

    public bool HasSack => (_bytes[5] & OptionSack) != 0;

    public bool HasWindowScale => (_bytes[5] & OptionWindowScale) != 0;

    public bool HasEcn => (_bytes[5] & OptionEcn) != 0;

    public bool HasMicrosecondTimestamps => (_bytes[5] & OptionMicrosecondTimestamps) != 0;

    public byte SendWindowScale => BitConverter.IsLittleEndian ? (byte)(_bytes[6] & 0xf) : (byte)(_bytes[6] >> 4);

    public byte ReceiveWindowScale => BitConverter.IsLittleEndian ? (byte)(_bytes[6] >> 4) : (byte)(_bytes[6] & 0xf);

    /// <summary>Microseconds.</summary>
    public uint Rto => Word(8);

    /// <summary>How often the RTO is doubled at present.</summary>
    public byte Backoff => _bytes[4];

    public ulong BytesSent => Long(200);

    public ulong BytesRetransmitted => Long(208);

    public uint SendWindow => Word(228);

    public uint ReceiveWindow => Word(232);

    /// <summary>Bytes, options of every segment taken off.</summary>
    public uint SendMss => Word(16);

    /// <summary>Segments.</summary>
    public uint Unacknowledged => Word(24);

    /// <summary>Milliseconds ago.</summary>
    public uint LastDataSent => Word(44);

    /// <summary>Milliseconds ago.</summary>
    public uint LastDataReceived => Word(52);

    /// <summary>Milliseconds ago.</summary>
    public uint LastAckReceived => Word(56);

    public uint PathMtu => Word(60);

    /// <summary>Microseconds.</summary>
    public uint Rtt => Word(68);

    /// <summary>Microseconds.</summary>
    public uint RttVariation => Word(72);

    /// <summary>Segments; 0x7fffffff: not set.</summary>
    public uint SlowStartThreshold => Word(76);

    /// <summary>Segments.</summary>
    public uint CongestionWindow => Word(80);

    /// <summary>By how much SND_UNA has advanced.</summary>
    public ulong BytesAcknowledged => Long(120);

    public ulong BytesReceived => Long(128);

    /// <summary>Microseconds; uint.MaxValue: not measured.</summary>
    public uint MinRtt => Word(148);

    private uint Word(int offset) =>
        offset + 4 <= _bytes.Length ? MemoryMarshal.Read<uint>(_bytes.AsSpan(offset)) : 0;

    private ulong Long(int offset) =>
        offset + 8 <= _bytes.Length ? MemoryMarshal.Read<ulong>(_bytes.AsSpan(offset)) : 0;
}
