using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>Finds what a TOE cannot do for a connection: then it stays in the kernel.</summary>
internal sealed class RefusalChecks : IDisposable
{
    private const int Md5Signature = 14;
    private const int AuthenticationOptionInfo = 40;
    private const int ProtocolTcp = 6;
    private readonly ConnectionTracking _tracking = new();
    private readonly IpsecPolicies _ipsec = new();

    /// <returns>Why not, for people; null when nothing speaks against it.</returns>
    public string? Refuse(Socket socket, in FlowKey flow) =>
        IPAddress.IsLoopback(flow.RemoteAddress.ToIPAddress()) || flow.LocalAddress == flow.RemoteAddress
            ? "its peer is on this machine: there is no wire"
        : socket.TryGetInt(TcpOption.LevelSocket, TcpOption.Protocol, out int protocol) && protocol != ProtocolTcp
            ? "it is a Multipath TCP connection"
        : HasUpperProtocol(socket) ? "the kernel runs another protocol on top of it (kernel TLS)"
        : IsAuthenticated(socket) ? "its segments are authenticated (TCP-MD5 or TCP-AO)"
        : _tracking.IsTranslated(in flow) ? "its addresses are translated (NAT)"
        : _ipsec.ApplyTo(flow) ? "an IPsec policy applies to it"
        : null;

    /// <summary>
    /// Has connection tracking forget the flow: it did not see the TOE's bytes, and would call the kernel's next segment invalid.
    /// </summary>
    public void ForgetTracking(in FlowKey flow) => _tracking.Forget(in flow);

    public void Dispose()
    {
        _tracking.Dispose();
        _ipsec.Dispose();
    }

    private static bool HasUpperProtocol(Socket socket)
    {
        byte[] name = new byte[16];
        try
        {
            return socket.GetRawSocketOption(TcpOption.LevelTcp, TcpOption.UpperProtocol, name) > 0 && name[0] != 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The kernel tells of TCP-AO; of MD5 only by the room that its option takes from every segment.</summary>
    private static bool IsAuthenticated(Socket socket)
    {
        byte[] info = new byte[64];
        try
        {
            if (socket.GetRawSocketOption(TcpOption.LevelTcp, AuthenticationOptionInfo, info) > 0)
            {
                return true;
            }
        }
        catch (SocketException)
        {
            // No TCP-AO on this socket.
        }

        return socket.TryGetInt(TcpOption.LevelTcp, Md5Signature, out int md5) && md5 != 0;
    }
}
