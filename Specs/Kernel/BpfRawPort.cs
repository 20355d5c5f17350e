using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using TcpActors.Transport.Linux;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>A raw socket on one interface, with the mark as what a spec sends with or looks for.</summary>
internal sealed class BpfRawPort : IDisposable
{
    private const int SocketLevel = 1, SendMark = 36, AttachFilter = 26, PacketLevel = 263, IgnoreOutgoing = 23;
    private const ushort AllProtocols = 3;
    private const int Deadline = 5000;

    private readonly Socket _socket;

    private BpfRawPort(int ifIndex, ushort protocol)
    {
        var network = BinaryPrimitives.ReverseEndianness(protocol);
        _socket = new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)0) { ReceiveTimeout = Deadline };
        _socket.Bind(new LinkEndPoint(ifIndex, network));
    }

    /// <summary>Takes all frames that the interface receives, but for IPv6's own neighbour and group messages.</summary>
    public static BpfRawPort Tap(NetworkNamespace where, int ifIndex) => where.Run(() =>
    {
        var port = new BpfRawPort(ifIndex, AllProtocols);
        port._socket.SetRawSocketOption(PacketLevel, IgnoreOutgoing, BitConverter.GetBytes(1));
        return port;
    });

    /// <summary>Only sends; with a mark unless it is zero.</summary>
    public static BpfRawPort Sender(NetworkNamespace where, int ifIndex, uint mark = 0) => where.Run(() =>
    {
        var port = new BpfRawPort(ifIndex, protocol: 0);
        if (mark != 0)
            port._socket.SetRawSocketOption(SocketLevel, SendMark, BitConverter.GetBytes(mark));
        return port;
    });

    /// <summary>Takes received frames of one protocol that bear a mark, as a TOE's receive socket does.</summary>
    public static BpfRawPort Marked(NetworkNamespace where, int ifIndex, bool ipv6, uint mark) => where.Run(() =>
    {
        var port = new BpfRawPort(ifIndex, protocol: 0);
        port.FilterOnMark(mark);
        port._socket.Bind(new LinkEndPoint(ifIndex, BinaryPrimitives.ReverseEndianness(ipv6 ? (ushort)0x86dd : (ushort)0x0800)));
        return port;
    });

    public bool HasFrame => _socket.Available > 0;

    public void Dispose() => _socket.Dispose();

    /// <exception cref="SocketException">
    /// With <see cref="SocketError.NoBufferSpaceAvailable"/> when a program at egress dropped it.
    /// </exception>
    public void Send(byte[] frame) => Assert.Equal(frame.Length, _socket.Send(frame));

    /// <summary>The next frame, within five seconds.</summary>
    public byte[] Receive()
    {
        var buffer = new byte[2048];
        while (true)
        {
            var frame = buffer.AsSpan(0, _socket.Receive(buffer));
            if (!IsIcmpv6(frame))
                return frame.ToArray();
        }
    }

    private static bool IsIcmpv6(ReadOnlySpan<byte> frame) =>
        frame.Length > 54 && frame[12] == 0x86 && frame[13] == 0xdd && (frame[20] == 58 || (frame[20] == 0 && frame[54] == 58));

    // Classic BPF: load SKF_AD_OFF + SKF_AD_MARK, compare, take all or nothing (uapi/linux/filter.h).
    private unsafe void FilterOnMark(uint mark)
    {
        ReadOnlySpan<ulong> program =
        [
            Classic(0x20, 0, 0, 0xffff_f000 + 20), Classic(0x15, 0, 1, mark), Classic(0x06, 0, 0, 0xffff), Classic(0x06, 0, 0, 0),
        ];
        fixed (ulong* at = program)
        {
            var filter = new FilterProgram { Length = (ushort)program.Length, Filter = (nint)at };
            _socket.SetRawSocketOption(SocketLevel, AttachFilter, MemoryMarshal.AsBytes(new ReadOnlySpan<FilterProgram>(in filter)));
        }
    }

    private static ulong Classic(ushort code, byte whenTrue, byte whenFalse, uint k) =>
        code | (ulong)whenTrue << 16 | (ulong)whenFalse << 24 | (ulong)k << 32;

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public nint Filter;
    }

    // struct sockaddr_ll; the protocol in network order.
    private sealed class LinkEndPoint(int ifIndex, ushort protocol) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, 20);
            MemoryMarshal.Write(address.Buffer.Span[2..], in protocol);
            MemoryMarshal.Write(address.Buffer.Span[4..], in ifIndex);
            return address;
        }
    }
}
