using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// What the kernel tells of a TCP socket only through sock_diag (linux/inet_diag.h), in the network namespace of the thread that made this
/// object. It needs CAP_NET_ADMIN; a kernel without sock_diag tells nothing.
/// </summary>
public sealed class SocketDiagnostics : IDisposable
{
    private const ushort ByFamily = 20;
    private const byte Tcp = 6;
    private const byte IPv4 = 2;
    private const byte IPv6 = 10;
    private const ushort Md5SignatureAttribute = 18;
    private const int AnswerSize = 72;
    private readonly NetlinkSocket? _socket = ConnectionTracking.OpenOrNull(NetlinkProtocol.SocketDiagnostics);

    /// <summary>Whether the connection's socket holds keys of TCP-MD5 (RFC 2385), which getsockopt does not tell.</summary>
    /// <param name="flow">An established connection as its socket sees it.</param>
    /// <param name="linkIndex">The interface it runs over: a socket may be bound to it.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool HasMd5Keys(in FlowKey flow, int linkIndex)
    {
        if (_socket is null)
            return false;
        var request = new NetlinkMessageBuilder($"look at the socket of {flow}").Begin(ByFamily, NetlinkFlags.Ack, new Request(flow, linkIndex));
        // ENOENT: the socket is gone, or the kernel has no diagnostics of TCP.
        return _socket.TryQuery<object>(
            request,
            static (in NetlinkMessage message) => message.Attributes(AnswerSize).Find(Md5SignatureAttribute).IsEmpty ? null : message.Type,
            [Errno.NoEntry],
            out var keys) && keys is not null;
    }

    public void Dispose() => _socket?.Dispose();

    /// <summary>struct inet_diag_req_v2 for one socket; ports and addresses in network order.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Request
    {
        private readonly byte _family;
        private readonly byte _protocol = Tcp;

        // INET_DIAG_INFO: the keys come only with it.
        private readonly byte _extensions = 1 << (2 - 1);
        private readonly byte _padding;
        private readonly uint _states = uint.MaxValue;
        private readonly ushort _sourcePort;
        private readonly ushort _destinationPort;
        private Address _source;
        private Address _destination;
        private readonly int _interface;

        // INET_DIAG_NOCOOKIE
        private readonly ulong _cookie = ulong.MaxValue;

        public Request(in FlowKey flow, int linkIndex)
        {
            _family = flow.IsIPv4 ? IPv4 : IPv6;
            _sourcePort = BinaryPrimitives.ReverseEndianness(flow.LocalPort);
            _destinationPort = BinaryPrimitives.ReverseEndianness(flow.RemotePort);
            flow.LocalAddress.WriteTo(_source);
            flow.RemoteAddress.WriteTo(_destination);
            _interface = linkIndex;
        }
    }

    [InlineArray(16)]
    private struct Address
    {
        private byte _first;
    }
}
