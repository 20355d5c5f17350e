using System.Buffers.Binary;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Fuzzing;

/// <summary>
/// Frames that a hostile network might deliver: noise, segments right at the edges of what a connection takes, and both of them damaged. Most are given right
/// checksums after the damage, or these checks would stop nearly all of them.
/// </summary>
internal sealed class FrameMutator(ulong seed)
{
    /// <summary>The longest frame, in bytes.</summary>
    public const int Longest = 1600;

    private const int Ethernet = 14;
    private const int MacAddresses = 12;
    private const int TagLength = 4;
    private const ushort CustomerTag = 0x8100;
    private const ushort ServiceTag = 0x88a8;

    // Of the 32 kinds of frames, those that are changed.
    private const int Extended = 14;
    private const int Lengthened = 29;
    private const byte HopByHop = 0;
    private const byte Fragment = 44;
    private const byte DestinationOptions = 60;

    private readonly Dice _dice = new(seed);

    /// <summary>Writes a frame.</summary>
    /// <param name="frame">Has room for <see cref="Longest"/> bytes.</param>
    /// <param name="flow">Of the connection that it may be for, seen from the receiver.</param>
    /// <param name="v">Where that connection stands.</param>
    /// <returns>Its length.</returns>
    public int Write(Span<byte> frame, FlowKey flow, in SegmentVariants v)
    {
        int kind = _dice.Between(0, 31);
        if (kind == 0)
        {
            return Noise(frame);
        }

        int length = Change(frame, kind < 3 ? TooBig(frame, flow, v) : Segment(frame, flow, v), kind);
        if (_dice.Between(0, 7) != 0)
        {
            MendChecksums(frame[..length]);
        }

        return _dice.Between(0, 15) == 0 ? Tag(frame, length) : length;
    }

    /// <summary>Changes a frame that somebody else made.</summary>
    /// <param name="frame">Has room for <see cref="Longest"/> bytes.</param>
    /// <param name="length">Of the frame as it is.</param>
    /// <param name="mends">Whether it gets right checksums afterwards.</param>
    /// <returns>Its length.</returns>
    public int Change(Span<byte> frame, int length, bool mends)
    {
        length = Change(frame, length, _dice.Between(Extended, Lengthened));
        if (mends)
        {
            MendChecksums(frame[..length]);
        }

        return _dice.Between(0, 15) == 0 ? Tag(frame, length) : length;
    }

    private int Change(Span<byte> frame, int length, int kind)
    {
        switch (kind)
        {
            case >= Extended and < 18:
                return Extend(frame, length);
            case >= 18 and < 24:
                Damage(frame[..length]);
                return length;
            case >= 24 and < 28:
                DamageTcp(frame[..length]);
                return length;
            case 28:
                return _dice.Between(0, length);
            case Lengthened:
                return Math.Min(Longest, length + _dice.Between(1, 40));
            default:
                return length;
        }
    }

    /// <summary>
    /// IEEE 802.1Q: a tag of a VLAN, of a priority alone (VLAN id 0), of a provider (0x88a8), or two of them; some damaged themselves, or cut off.
    /// </summary>
    private int Tag(Span<byte> frame, int length)
    {
        if (length < MacAddresses || length + (2 * TagLength) > Longest)
        {
            return length;
        }

        int tags = _dice.Between(0, 2) == 0 ? 2 : 1;
        int end = MacAddresses + (tags * TagLength);
        frame[MacAddresses..length].CopyTo(frame[end..]);
        for (int at = MacAddresses; at < end; at += TagLength)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame[at..], _dice.Between(0, 3) == 0 ? ServiceTag : CustomerTag);
            BinaryPrimitives.WriteUInt16BigEndian(frame[(at + 2)..], (ushort)(_dice.Between(0, 1) == 0 ? _dice.Next() : _dice.Next() << 13));
        }

        length += tags * TagLength;
        switch (_dice.Between(0, 7))
        {
            case 0:
                return _dice.Between(MacAddresses, Math.Min(length, end + 2));
            case 1:
                Damage(frame[MacAddresses..Math.Min(length, end + 2)]);
                return length;
            default:
                return length;
        }
    }

    /// <summary>Frames that are mere bytes, half of them with the type of IP.</summary>
    private int Noise(Span<byte> frame)
    {
        int length = _dice.Between(0, 200);
        _dice.Fill(frame[..length]);
        if (length > 20 && _dice.Between(0, 1) == 0)
        {
            bool isIPv4 = _dice.Between(0, 1) == 0;
            BinaryPrimitives.WriteUInt16BigEndian(frame[12..], (ushort)(isIPv4 ? 0x0800 : 0x86dd));
            frame[Ethernet] = (byte)(isIPv4 ? 0x40 | _dice.Between(4, 15) : 0x60);
        }

        return length;
    }

    private int Segment(Span<byte> frame, FlowKey flow, in SegmentVariants v)
    {
        SeqNum seq = Near(v.RcvNxt, v.RcvWnd);
        var flags = _dice.Between(0, 15) switch
        {
            0 => (TcpFlags)_dice.Between(0, 255),
            1 => TcpFlags.Rst,
            2 => TcpFlags.Fin | TcpFlags.Ack,
            3 => TcpFlags.Ack | TcpFlags.Ece,
            _ => TcpFlags.Ack,
        };
        TcpOptions options = default;
        if (_dice.Between(0, 15) != 0)
        {
            options.HasTimestamps = true;
            options.TsVal = v.TsRecent + (uint)_dice.Between(-2, 20);
            options.TsEcr = _dice.Between(0, 3) == 0 ? (uint)_dice.Next() : v.TsRecent;
        }

        for (int blocks = _dice.Between(-4, 3); blocks > 0; blocks--)
        {
            SeqNum left = Near(v.SndUna, v.Flight);
            options.Sack.Add(new SackBlock(left, left + _dice.Between(-10, 5000)));
        }

        return new FrameBuilder
        {
            Flow = (_dice.Between(0, 63) == 0 ? flow with { RemotePort = (ushort)_dice.Next() } : flow).Reversed,
            Seq = seq,
            Ack = Near(v.SndUna, v.Flight),
            Flags = flags,
            Window = (ushort)(_dice.Between(0, 3) == 0 ? _dice.Between(0, 2) : (int)(_dice.Next() & 0xffff)),
            UrgentPointer = (ushort)(_dice.Between(0, 15) == 0 ? _dice.Next() : 0),
            Tos = (byte)_dice.Next(),
            IpId = (ushort)_dice.Next(),
            Options = options,
            Payload = s_payload.AsSpan(0, PayloadLength()),
        }.Write(frame);
    }

    /// <summary>Of three segments one has none, and one in six a long one.</summary>
    private int PayloadLength() => _dice.Between(0, 5) switch
    {
        0 or 1 => 0,
        2 => _dice.Between(0, 1400),
        _ => _dice.Between(0, 60),
    };

    /// <summary>ICMP type 3 code 4, ICMPv6 type 2, that quotes a segment of ours.</summary>
    private int TooBig(Span<byte> frame, FlowKey flow, in SegmentVariants v)
    {
        Span<byte> quoted = stackalloc byte[Longest];
        int length = Math.Min(
            new FrameBuilder { Flow = flow, Seq = Near(v.SndUna, v.Flight), Flags = TcpFlags.Ack }.Write(quoted) - Ethernet, _dice.Between(20, 80));
        bool isIPv4 = flow.IsIPv4;
        int headers = Ethernet + (isIPv4 ? 20 : 40);
        frame[..(headers + 8)].Clear();
        new FrameBuilder { Flow = flow.Reversed }.Write(frame);
        frame[headers..(headers + 8)].Clear();
        if (isIPv4)
        {
            frame[Ethernet + 9] = 1;
            BinaryPrimitives.WriteUInt16BigEndian(frame[(Ethernet + 2)..], (ushort)(28 + length));
            (frame[headers], frame[headers + 1]) = (3, 4);
            BinaryPrimitives.WriteUInt16BigEndian(frame[(headers + 6)..], (ushort)_dice.Between(0, 1500));
        }
        else
        {
            frame[Ethernet + 6] = 58;
            BinaryPrimitives.WriteUInt16BigEndian(frame[(Ethernet + 4)..], (ushort)(8 + length));
            frame[headers] = 2;
            BinaryPrimitives.WriteUInt32BigEndian(frame[(headers + 4)..], (uint)_dice.Between(0, 1500));
        }

        quoted.Slice(Ethernet, length).CopyTo(frame[(headers + 8)..]);
        return headers + 8 + length;
    }

    /// <summary>Options of IPv4, extension headers of IPv6, fragments; and options of TCP that are only bytes.</summary>
    private int Extend(Span<byte> frame, int length)
    {
        if (_dice.Between(0, 1) == 0)
        {
            return OptionSoup(frame, length);
        }

        bool isIPv4 = frame[12] == 8;
        int more = isIPv4 ? 4 * _dice.Between(1, 10) : 8 * _dice.Between(1, 4);
        int at = Ethernet + (isIPv4 ? 20 : 40);
        if (length + more > Longest)
        {
            return length;
        }

        frame[at..length].CopyTo(frame[(at + more)..]);
        Span<byte> added = frame.Slice(at, more);
        _dice.Fill(added);
        if (isIPv4)
        {
            frame[Ethernet] = (byte)(0x45 + (more / 4));
            BinaryPrimitives.WriteUInt16BigEndian(frame[(Ethernet + 2)..], (ushort)(length + more - Ethernet));
            if (_dice.Between(0, 3) == 0)
            {
                BinaryPrimitives.WriteUInt16BigEndian(frame[(Ethernet + 6)..], (ushort)_dice.Next());
            }
        }
        else
        {
            added[0] = frame[Ethernet + 6];
            added[1] = (byte)((more / 8) - 1);
            ReadOnlySpan<byte> headers = [HopByHop, DestinationOptions, Fragment, 43, 51, 135];
            frame[Ethernet + 6] = headers[_dice.Between(0, headers.Length - 1)];
            BinaryPrimitives.WriteUInt16BigEndian(frame[(Ethernet + 4)..], (ushort)(length + more - Ethernet - 40));
        }

        return length + more;
    }

    private int OptionSoup(Span<byte> frame, int length)
    {
        int tcp = Ethernet + (frame[12] == 8 ? 20 : 40);
        int more = 4 * _dice.Between(1, 10);
        if (length < tcp + 20 + more)
        {
            return length;
        }

        // What was options and payload is options now.
        frame[tcp + 12] = (byte)((5 + (more / 4)) << 4);
        for (int i = 0; i < more; i++)
        {
            frame[tcp + 20 + i] = (byte)_dice.Between(0, _dice.Between(0, 3) == 0 ? 255 : 12);
        }

        return length;
    }

    private void Damage(Span<byte> frame)
    {
        for (int changes = _dice.Between(1, 4); changes > 0 && frame.Length > 0; changes--)
        {
            ref byte at = ref frame[(int)_dice.Below(frame.Length)];
            at = _dice.Between(0, 1) == 0 ? (byte)_dice.Next() : (byte)(at ^ (1 << _dice.Between(0, 7)));
        }
    }

    private void DamageTcp(Span<byte> frame)
    {
        int tcp = Ethernet + (frame[12] == 8 ? 20 : 40);
        Damage(frame[Math.Min(tcp, frame.Length)..Math.Min(tcp + 32, frame.Length)]);
    }

    /// <summary>At, just beside, or anywhere within or around a range of sequence numbers.</summary>
    private SeqNum Near(SeqNum start, uint length) => _dice.Between(0, 7) switch
    {
        0 => new SeqNum((uint)_dice.Next()),
        1 => start - _dice.Between(1, 3000),
        2 => start + (int)Math.Min(length, int.MaxValue) + _dice.Between(-3, 3),
        3 => start + (int)_dice.Below(Math.Max(1L, Math.Min(length, 1 << 20))),
        4 => start + _dice.Between(-2, 2),
        _ => start,
    };

    /// <summary>As far as headers can be found where they usually are.</summary>
    private static void MendChecksums(Span<byte> frame)
    {
        if (frame.Length < Ethernet + 20)
        {
            return;
        }

        Span<byte> ip = frame[Ethernet..];
        if (frame[12] == 8 && ip[0] >> 4 == 4)
        {
            int header = Math.Clamp((ip[0] & 0xf) * 4, 20, ip.Length);
            ip[10] = ip[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Of(ip[..header]));
        }

        if (!IpFrame.TryParse(frame, out IpFrame parsed) || parsed.IsFragment)
        {
            return;
        }

        Span<byte> payload = frame.Slice(parsed.PayloadOffset, parsed.PayloadLength);
        int field = parsed.Protocol switch { 6 => 16, 1 or 58 => 2, _ => -1 };
        if (field < 0 || payload.Length < field + 2)
        {
            return;
        }

        payload[field] = payload[field + 1] = 0;
        InternetChecksum sum = default;
        if (parsed.Protocol != 1)
        {
            sum.AddPseudoHeader(parsed.SourceAddress, parsed.DestinationAddress, parsed.Protocol, payload.Length);
        }

        sum.Add(payload);
        BinaryPrimitives.WriteUInt16BigEndian(payload[field..], sum.Value);
    }

    private static readonly byte[] s_payload = CreatePayload();

    private static byte[] CreatePayload()
    {
        byte[] bytes = new byte[Longest];
        new Dice(1).Fill(bytes);
        return bytes;
    }
}
