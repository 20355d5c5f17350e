using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Hands packets that reached a TOE to the local stack: raw sockets addressed to the local address, so they come in over loopback and find the
/// connection's socket. Checksums are completed, as a TOE's link may have been spared them. Any thread.
/// </summary>
internal sealed class Reinjector : IDisposable
{
    private const int LoopbackMtu = 65536;
    private const int SmallestTcpHeader = 20;
    private readonly Lock _lock = new();
    private readonly Socket? _ipv4 = Open(AddressFamily.InterNetwork, TcpOption.LevelIPv4, TcpOption.IPv4HeaderIncluded);
    private readonly Socket? _ipv6 = Open(AddressFamily.InterNetworkV6, TcpOption.LevelIPv6, TcpOption.IPv6HeaderIncluded);
    private readonly byte[] _packet = new byte[LoopbackMtu];

    /// <summary>Packets handed to the stack.</summary>
    public long Injected { get; private set; }

    /// <summary>Packets that could not be: to TCP they are lost.</summary>
    public long Dropped { get; private set; }

    /// <param name="ipPacket">An IP packet addressed to this host; dropped unless it has a TCP header.</param>
    /// <param name="scope">Scope id of a link-local address; 0 for others.</param>
    public void Inject(ReadOnlySpan<byte> ipPacket, long scope)
    {
        lock (_lock)
        {
            if (ipPacket.Length > _packet.Length || !TryParse(ipPacket, out IpPacket ip)
                || (ip.IsIPv4 ? _ipv4 : _ipv6) is not { } socket)
            {
                Dropped++;
                return;
            }

            Span<byte> packet = _packet.AsSpan(0, ip.Length);
            ipPacket[..ip.Length].CopyTo(packet);
            CompleteChecksum(packet[ip.PayloadOffset..], in ip);
            IPAddress destination = ip.DestinationAddress.ToIPAddress();
            if (!ip.IsIPv4 && ip.DestinationAddress.IsLinkLocal)
            {
                destination.ScopeId = scope;
            }

            try
            {
                socket.SendTo(packet, SocketFlags.None, new IPEndPoint(destination, 0));
                Injected++;
            }
            catch (SocketException)
            {
                Dropped++;
            }
        }
    }

    public void Dispose()
    {
        _ipv4?.Dispose();
        _ipv6?.Dispose();
    }

    /// <summary>Whoever knows a flow's addresses and ports can send it anything.</summary>
    private static bool TryParse(ReadOnlySpan<byte> ipPacket, out IpPacket ip) =>
        IpPacket.TryParse(ipPacket, out ip) && ip.Protocol == IpPacket.Tcp && !ip.IsFragment && ip.PayloadLength >= SmallestTcpHeader;

    private static void CompleteChecksum(Span<byte> tcp, in IpPacket ip)
    {
        tcp[16..18].Clear();
        InternetChecksum sum = default;
        sum.AddPseudoHeader(ip.SourceAddress, ip.DestinationAddress, IpPacket.Tcp, tcp.Length);
        sum.Add(tcp);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], sum.Value);
    }

    private static Socket? Open(AddressFamily family, int level, int headerIncluded)
    {
        const ProtocolType raw = (ProtocolType)255;
        try
        {
            var socket = new Socket(family, SocketType.Raw, raw);
            socket.SetInt(level, headerIncluded, 1);
            return socket;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressFamilyNotSupported)
        {
            return null;
        }
    }
}
