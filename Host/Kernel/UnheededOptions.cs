using System.Net.Sockets;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>Options of the application that decide what a connection sends or takes, and that a TOE would pass over in silence.</summary>
internal static class UnheededOptions
{
    /// <returns>The one that is set, for people; null when none is.</returns>
    public static string? Find(Socket socket) =>
        IsSet(socket, TcpOption.LevelIPv4, TcpOption.IPv4MinTtl) || IsSet(socket, TcpOption.LevelIPv6, TcpOption.IPv6MinHops)
            ? "it takes no packet whose TTL is too small (IP_MINTTL, RFC 5082)"
        : IsSet(socket, TcpOption.LevelIPv4, TcpOption.IPv4Transparent) || IsSet(socket, TcpOption.LevelIPv6, TcpOption.IPv6Transparent)
            ? "its address may be another host's (IP_TRANSPARENT)"
        : HasFilter(socket) ? "the application has attached a filter to it (SO_ATTACH_FILTER)"
        : IsSet(socket, TcpOption.LevelTcp, TcpOption.Cork) ? "it is corked (TCP_CORK)"
        : null;

    private static bool IsSet(Socket socket, int level, int option) => socket.TryGetInt(level, option, out int value) && value != 0;

    private static bool HasFilter(Socket socket)
    {
        const int accessDenied = 13;

        // Without room for it the kernel tells how long it is; an eBPF program is one that it may not show.
        int length = socket.TryGetBytes(TcpOption.LevelSocket, TcpOption.GetFilter, []);
        return length > 0 || (length < 0 && TcpSocketExtensions.LastErrno == accessDenied);
    }
}
