using System.Net.Sockets;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>One option of a socket and what it is set to: a number, or bytes where it is none.</summary>
internal readonly record struct SocketOption(int Level, int Option, int Value, byte[]? Bytes = null)
{
    /// <exception cref="SocketException">The kernel does not take it.</exception>
    public void SetOn(Socket socket)
    {
        if (Bytes is null)
        {
            socket.SetInt(Level, Option, Value);
        }
        else
        {
            socket.SetRawSocketOption(Level, Option, Bytes);
        }
    }
}

/// <summary>What a kernel's socket calls the settings of a connection: socket(7), tcp(7), ip(7), ipv6(7).</summary>
internal static class SettingOptions
{
    public static IReadOnlyList<SocketOption> Of(ConnectionSettings settings, bool isIPv4)
    {
        var options = new List<SocketOption>();
        Add(TcpOption.LevelTcp, TcpOption.NoDelay, settings.NoDelay is { } noDelay ? noDelay ? 1 : 0 : null);
        Add(TcpOption.LevelSocket, TcpOption.KeepAlive, settings.KeepAlive is { } keepAlive ? keepAlive ? 1 : 0 : null);
        Add(TcpOption.LevelTcp, TcpOption.KeepIdle, (int?)settings.KeepAliveTime?.TotalSeconds);
        Add(TcpOption.LevelTcp, TcpOption.KeepInterval, (int?)settings.KeepAliveInterval?.TotalSeconds);
        Add(TcpOption.LevelTcp, TcpOption.KeepCount, settings.KeepAliveProbes);
        Add(TcpOption.LevelTcp, TcpOption.UserTimeout, (int?)settings.UserTimeout?.TotalMilliseconds);
        Add(isIPv4 ? TcpOption.LevelIPv4 : TcpOption.LevelIPv6, isIPv4 ? TcpOption.IPv4Ttl : TcpOption.IPv6Hops, settings.Ttl);
        Add(isIPv4 ? TcpOption.LevelIPv4 : TcpOption.LevelIPv6, isIPv4 ? TcpOption.IPv4Tos : TcpOption.IPv6TrafficClass, settings.TypeOfService);
        if (settings.MaxPacingRate is { } rate)
        {
            options.Add(new SocketOption(
                TcpOption.LevelSocket, TcpOption.MaxPacingRate, 0, BitConverter.GetBytes(rate == 0 ? ulong.MaxValue : (ulong)rate)));
        }

        return options;

        void Add(int level, int option, int? value)
        {
            if (value is { } there)
            {
                options.Add(new SocketOption(level, option, there));
            }
        }
    }
}
