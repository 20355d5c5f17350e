using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Tcp;

/// <summary>
/// What <c>getsockopt(TCP_INFO)</c> tells of a connection (linux/tcp.h, struct tcp_info); what an older kernel does not know is zero.
/// </summary>
[InlineArray(248)]
internal struct TcpInfo
{
    private const byte OptionTimestamps = 1;
    private const byte OptionSack = 2;
    private const byte OptionWindowScale = 4;
    private const byte OptionEcn = 8;
    private const byte OptionMicrosecondTimestamps = 64;
    private byte _first;

    public readonly byte State => this[0];

    public readonly bool HasTimestamps => (this[5] & OptionTimestamps) != 0;

    public readonly bool HasSack => (this[5] & OptionSack) != 0;

    public readonly bool HasWindowScale => (this[5] & OptionWindowScale) != 0;

    public readonly bool HasEcn => (this[5] & OptionEcn) != 0;

    public readonly bool HasMicrosecondTimestamps => (this[5] & OptionMicrosecondTimestamps) != 0;

    public readonly byte SendWindowScale => BitConverter.IsLittleEndian ? (byte)(this[6] & 0xf) : (byte)(this[6] >> 4);

    public readonly byte ReceiveWindowScale => BitConverter.IsLittleEndian ? (byte)(this[6] >> 4) : (byte)(this[6] & 0xf);

    /// <summary>Microseconds.</summary>
    public readonly uint Rto => Word(8);

    /// <summary>How often the RTO is doubled at present.</summary>
    public readonly byte Backoff => this[4];

    public readonly ulong BytesSent => Long(200);

    public readonly ulong BytesRetransmitted => Long(208);

    public readonly uint SendWindow => Word(228);

    public readonly uint ReceiveWindow => Word(232);

    /// <summary>Bytes, options of every segment taken off.</summary>
    public readonly uint SendMss => Word(16);

    /// <summary>Segments.</summary>
    public readonly uint Unacknowledged => Word(24);

    /// <summary>Milliseconds ago.</summary>
    public readonly uint LastDataSent => Word(44);

    /// <summary>Milliseconds ago.</summary>
    public readonly uint LastDataReceived => Word(52);

    /// <summary>Milliseconds ago.</summary>
    public readonly uint LastAckReceived => Word(56);

    public readonly uint PathMtu => Word(60);

    /// <summary>Microseconds.</summary>
    public readonly uint Rtt => Word(68);

    /// <summary>Microseconds.</summary>
    public readonly uint RttVariation => Word(72);

    /// <summary>Segments; 0x7fffffff: not set.</summary>
    public readonly uint SlowStartThreshold => Word(76);

    /// <summary>Segments.</summary>
    public readonly uint CongestionWindow => Word(80);

    /// <summary>By how much SND_UNA has advanced.</summary>
    public readonly ulong BytesAcknowledged => Long(120);

    public readonly ulong BytesReceived => Long(128);

    /// <summary>Segments of the wire, those of the handshake too; modulo 2^32.</summary>
    public readonly uint SegmentsSent => Word(136);

    /// <inheritdoc cref="SegmentsSent"/>
    public readonly uint SegmentsReceived => Word(140);

    public readonly uint SegmentsRetransmitted => Word(100);

    /// <summary>Segments that the peer has reported as duplicates (RFC 2883).</summary>
    public readonly uint DuplicatesReported => Word(216);

    /// <summary>Segments received ahead of RCV_NXT.</summary>
    public readonly uint OutOfOrder => Word(224);

    /// <summary>Retransmission time-outs.</summary>
    public readonly ushort Timeouts => MemoryMarshal.Read<ushort>(this[240..]);

    /// <summary>Microseconds; uint.MaxValue: not measured.</summary>
    public readonly uint MinRtt => Word(148);

    private readonly uint Word(int offset) => MemoryMarshal.Read<uint>(this[offset..]);

    private readonly ulong Long(int offset) => MemoryMarshal.Read<ulong>(this[offset..]);
}
