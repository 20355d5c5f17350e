using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>
/// A flow as the flow map's key: local and remote address of 16 bytes (IPv4 as ::ffff:a.b.c.d), then local and remote port, all in network
/// order, then 4 bytes zero. Local is us, so a received frame's destination and a sent frame's source.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal readonly struct FlowMapKey
{
    public const int Size = 40;
    public const int LocalAddressOffset = 0, RemoteAddressOffset = 16, LocalPortOffset = 32, RemotePortOffset = 34;

    private readonly InternetAddress _local;
    private readonly InternetAddress _remote;
    private readonly ushort _localPort;
    private readonly ushort _remotePort;
    private readonly uint _zero;

    public FlowMapKey(in FlowKey flow)
    {
        _local = flow.LocalAddress;
        _remote = flow.RemoteAddress;
        _localPort = Network(flow.LocalPort);
        _remotePort = Network(flow.RemotePort);
        _zero = 0;
    }

    private static ushort Network(ushort port) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(port) : port;
}

/// <summary>Index of a counter in the counters' map.</summary>
internal enum SteeringCounter : uint { Marked, Fenced, Stale }
