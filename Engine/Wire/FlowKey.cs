using System.Net;
using System.Runtime.InteropServices;

namespace TcpActors.Engine.Wire;

/// <summary>
/// What names a TCP connection (RFC 9293 3.3.1), seen from the side that owns it: our address and port, the peer's address and port.
/// Ports are in host order. It is the same on every node.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct FlowKey(InternetAddress LocalAddress, InternetAddress RemoteAddress, ushort LocalPort, ushort RemotePort)
{
    /// <summary>The same connection seen from its other end.</summary>
    public FlowKey Reversed => new(RemoteAddress, LocalAddress, RemotePort, LocalPort);

    public bool IsIPv4 => LocalAddress.IsIPv4;

    /// <exception cref="ArgumentException">When the families differ.</exception>
    public static FlowKey From(IPEndPoint local, IPEndPoint remote)
    {
        var key = new FlowKey(
            InternetAddress.From(local.Address), InternetAddress.From(remote.Address), (ushort)local.Port, (ushort)remote.Port);
        return key.LocalAddress.IsIPv4 == key.RemoteAddress.IsIPv4
            ? key
            : throw new ArgumentException($"{local} and {remote} are of different families.", nameof(remote));
    }

    public override string ToString() => IsIPv4
        ? $"{LocalAddress}:{LocalPort}-{RemoteAddress}:{RemotePort}"
        : $"[{LocalAddress}]:{LocalPort}-[{RemoteAddress}]:{RemotePort}";
}
