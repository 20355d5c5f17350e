using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>Finds what a TOE cannot do for a connection: then it stays in the kernel.</summary>
internal sealed class RefusalChecks : IDisposable
{
    private const int AuthenticationOptionInfo = 40;
    private const int ProtocolTcp = 6;
    private readonly ConnectionTracking _tracking = new();
    private readonly IpsecPolicies _ipsec = new();
    private readonly SocketDiagnostics _diagnostics = new();

    /// <param name="socket">The connection's.</param>
    /// <param name="flow">The same.</param>
    /// <param name="linkIndex">The interface over which its peer is reached.</param>
    /// <returns>Why not, for people; null when nothing speaks against it.</returns>
    public string? Refuse(Socket socket, in FlowKey flow, int linkIndex) =>
        socket.TryGetInt(TcpOption.LevelSocket, TcpOption.Protocol, out int protocol) && protocol != ProtocolTcp ? "it is a Multipath TCP connection"
        : HasUpperProtocol(socket) ? "the kernel runs another protocol on top of it (kernel TLS)"
        : HasAuthenticationOption(socket) ? "its segments are authenticated (TCP-AO)"
        : _diagnostics.HasMd5Keys(in flow, linkIndex) ? "its segments are signed (TCP-MD5)"
        : _tracking.IsTranslated(in flow) ? "its addresses are translated (NAT)"
        : _ipsec.ApplyTo(flow) ? "an IPsec policy applies to it"
        : socket.GetTcpInfo().HasEcn ? "it uses ECN (RFC 3168), which would end with its first move while the peer goes on"
        : UnheededOptions.Find(socket);

    /// <summary>
    /// Has connection tracking take the flow as it comes back: it did not see the TOE's bytes, and would call the kernel's next segment invalid. If it forgot
    /// the flow, a firewall would take the next segment for the beginning of another connection, which it may not let out.
    /// </summary>
    public void TolerateTracked(in FlowKey flow) => _tracking.Tolerate(in flow);

    public void Dispose()
    {
        _tracking.Dispose();
        _ipsec.Dispose();
        _diagnostics.Dispose();
    }

    private static bool HasUpperProtocol(Socket socket)
    {
        Span<byte> name = stackalloc byte[16];
        return socket.TryGetBytes(TcpOption.LevelTcp, TcpOption.UpperProtocol, name) > 0 && name[0] != 0;
    }

    private static bool HasAuthenticationOption(Socket socket)
    {
        // struct tcp_ao_info_opt and room for what a later kernel adds; all of it must be zero. Refused without TCP-AO on this socket or in
        // this kernel.
        Span<byte> info = stackalloc byte[64];
        info.Clear();
        return socket.TryGetBytes(TcpOption.LevelTcp, AuthenticationOptionInfo, info) > 0;
    }
}
