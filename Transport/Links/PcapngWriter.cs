using System.Runtime.InteropServices;
using System.Text;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Links;

/// <summary>
/// Writes a pcapng file (draft-ietf-opsawg-pcapng) of one Ethernet interface in the machine's byte order: section header, interface
/// description with nanosecond timestamps, enhanced packet blocks with direction. It writes whole blocks only. Not thread-safe.
/// </summary>
internal sealed class PcapngWriter : IDisposable
{
    /// <summary>Bytes kept of a frame at most: what Wireshark accepts.</summary>
    public const int LongestCapture = 262_144;

    private const uint SectionHeader = 0x0a0d0d0a;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;
    private const int EnhancedPacketOverhead = 28 + 8 + 4 + 4;
    private const ushort LinkTypeEthernet = 1;
    private const uint Inbound = 1;
    private const uint Outbound = 2;

    private readonly Stream _file;
    private readonly int _snapLength;
    private readonly byte[] _buffer = new byte[2 * LongestCapture];
    private int _length;
    private int _blockStart;

    /// <param name="file">Where to write; disposed with this writer.</param>
    /// <param name="interfaceName">The interface's name.</param>
    /// <param name="address">The interface's MAC address.</param>
    /// <param name="snapLength">Bytes kept of each frame; 0: all, up to <see cref="LongestCapture"/>.</param>
    /// <exception cref="IOException">When the file cannot be written.</exception>
    public PcapngWriter(Stream file, string interfaceName, MacAddress address, int snapLength)
    {
        _file = file;
        _snapLength = snapLength == 0 ? LongestCapture : Math.Min(snapLength, LongestCapture);
        WriteSectionHeader();
        WriteInterfaceDescription(interfaceName, address);
        Flush();
    }

    /// <summary>Bytes of the file, those not yet flushed included.</summary>
    public long Length { get; private set; }

    /// <summary>What <see cref="Write"/> would add to the file for a frame of this length.</summary>
    public int SizeOf(int frameLength) => EnhancedPacketOverhead + Padded(Math.Min(frameLength, _snapLength));

    /// <summary>Adds a frame, given in up to three pieces.</summary>
    /// <param name="nanoseconds">Time since 1970, UTC.</param>
    /// <param name="isInbound">Whether it was received.</param>
    /// <param name="first">The frame's beginning.</param>
    /// <param name="second">What follows.</param>
    /// <param name="third">What follows that.</param>
    /// <exception cref="IOException">When the file cannot be written.</exception>
    public void Write(long nanoseconds, bool isInbound, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        int length = first.Length + second.Length + third.Length;
        int captured = Math.Min(length, _snapLength);
        if (SizeOf(length) > _buffer.Length - _length)
        {
            Flush();
        }

        // Interface 0, the time in two halves, both lengths.
        Begin(EnhancedPacket);
        Put(0);
        Put((uint)(nanoseconds >> 32));
        Put((uint)nanoseconds);
        Put((uint)captured);
        Put((uint)length);
        int left = PutBytes(first, captured);
        left = PutBytes(second, left);
        PutBytes(third, left);
        Pad(captured);

        // epb_flags: bits 0 and 1 are the direction.
        PutPair(2, 4);
        Put(isInbound ? Inbound : Outbound);
        End();
    }

    /// <exception cref="IOException">When the file cannot be written.</exception>
    public void Flush()
    {
        if (_length > 0)
        {
            int length = _length;
            _length = 0;
            _file.Write(_buffer.AsSpan(0, length));
            _file.Flush();
        }
    }

    /// <summary>Closes the file without what was not flushed.</summary>
    public void Dispose() => _file.Dispose();

    private static int Padded(int length) => (length + 3) & ~3;

    private void WriteSectionHeader()
    {
        const uint ByteOrderMagic = 0x1a2b3c4d;
        Begin(SectionHeader);
        Put(ByteOrderMagic);
        PutPair(1, 0);

        // The section's length is not known.
        Put(uint.MaxValue);
        Put(uint.MaxValue);

        // shb_userappl.
        PutOption(4, "TcpActors"u8);
        End();
    }

    private void WriteInterfaceDescription(string name, MacAddress address)
    {
        Span<byte> mac = stackalloc byte[6];
        address.CopyTo(mac);
        Begin(InterfaceDescription);
        PutPair(LinkTypeEthernet, 0);
        Put((uint)_snapLength);

        // if_name, if_MACaddr, if_tsresol: 10^-9 s.
        PutOption(2, Encoding.UTF8.GetBytes(name));
        PutOption(6, mac);
        PutOption(9, [9]);
        End();
    }

    private void Begin(uint type)
    {
        _blockStart = _length;
        Put(type);
        Put(0);
    }

    private void End()
    {
        // opt_endofopt.
        Put(0);
        uint total = (uint)(_length - _blockStart + 4);
        Put(total);
        MemoryMarshal.Write(_buffer.AsSpan(_blockStart + 4), in total);
        Length += total;
    }

    private void PutOption(ushort code, ReadOnlySpan<byte> value)
    {
        PutPair(code, (ushort)value.Length);
        PutBytes(value, value.Length);
        Pad(value.Length);
    }

    private void PutPair(ushort first, ushort second)
    {
        MemoryMarshal.Write(_buffer.AsSpan(_length), in first);
        MemoryMarshal.Write(_buffer.AsSpan(_length + 2), in second);
        _length += 4;
    }

    private void Put(uint value)
    {
        MemoryMarshal.Write(_buffer.AsSpan(_length), in value);
        _length += 4;
    }

    /// <returns>How many bytes may still follow of <paramref name="limit"/>.</returns>
    private int PutBytes(ReadOnlySpan<byte> bytes, int limit)
    {
        int count = Math.Min(bytes.Length, limit);
        bytes[..count].CopyTo(_buffer.AsSpan(_length));
        _length += count;
        return limit - count;
    }

    private void Pad(int length)
    {
        int padding = Padded(length) - length;
        _buffer.AsSpan(_length, padding).Clear();
        _length += padding;
    }
}
