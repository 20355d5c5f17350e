using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Text;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>What an interface is at the moment.</summary>
internal sealed record PacketInterfaceState(MacAddress Address, int Mtu, bool IsUp);

/// <summary>
/// An interface by its index, which outlives a change of its name, seen from the network namespace it was found in (netdevice(7); the
/// mounted /sys may show another namespace).
/// </summary>
internal sealed unsafe class PacketInterface : IDisposable
{
    private const int NameLength = 16;

    private readonly PacketDescriptor _socket;

    private PacketInterface(PacketDescriptor socket, string name, int index) => (_socket, Name, Index) = (socket, name, index);

    public string Name { get; }

    public int Index { get; }

    /// <exception cref="LinkException">There is no such interface, or no link can stand on it.</exception>
    public static PacketInterface Open(string name)
    {
        PacketDescriptor socket = Socket(AddressFamilyInternet, SocketDatagram | SocketCloseOnExec, 0);
        try
        {
            InterfaceRequest request = default;
            if (Encoding.UTF8.GetByteCount(name) is 0 or >= NameLength || !Ask(socket, GetInterfaceIndex, ref Named(ref request, name)))
            {
                string[] known = [.. NetworkInterface.GetAllNetworkInterfaces().Select(i => i.Name).Order(StringComparer.Ordinal)];
                throw new LinkException($"There is no interface '{name}' in this network namespace. There are: {string.Join(", ", known)}.");
            }

            int index = MemoryMarshal.Read<int>(new ReadOnlySpan<byte>(request.Value, sizeof(int)));
            RequireEthernet(socket, name);
            return new PacketInterface(socket, name, index);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Reads the interface's present state; null when it has gone.</summary>
    public PacketInterfaceState? Read()
    {
        InterfaceRequest request = default;
        BitConverter.TryWriteBytes(new Span<byte>(request.Value, sizeof(int)), Index);
        if (!Ask(_socket, GetInterfaceName, ref request) || !Ask(_socket, GetInterfaceFlags, ref request))
        {
            return null;
        }

        short flags = *(short*)request.Value;
        if (!Ask(_socket, GetInterfaceMtu, ref request))
        {
            return null;
        }

        int mtu = *(int*)request.Value;
        if (!Ask(_socket, GetInterfaceHardwareAddress, ref request))
        {
            return null;
        }

        const int Working = InterfaceUp | InterfaceRunning;
        return new PacketInterfaceState(new MacAddress(new ReadOnlySpan<byte>(request.Value + 2, 6)), mtu, (flags & Working) == Working);
    }

    public void Dispose() => _socket.Dispose();

    private static void RequireEthernet(PacketDescriptor socket, string name)
    {
        InterfaceRequest request = default;
        if (Ask(socket, GetInterfaceFlags, ref Named(ref request, name)) && (*(short*)request.Value & InterfaceLoopback) != 0)
        {
            throw new LinkException($"{name} is the loopback interface, where no connection can be offloaded. Name an Ethernet interface.");
        }

        if (!Ask(socket, GetInterfaceHardwareAddress, ref Named(ref request, name)) || *(ushort*)request.Value != HardwareEthernet)
        {
            throw new LinkException($"{name} does not carry Ethernet frames (a tunnel, perhaps). Name an Ethernet interface.");
        }
    }

    private static ref InterfaceRequest Named(ref InterfaceRequest request, string name)
    {
        request = default;
        fixed (byte* destination = request.Name)
        {
            Encoding.UTF8.GetBytes(name, new Span<byte>(destination, NameLength - 1));
        }

        return ref request;
    }

    private static bool Ask(PacketDescriptor socket, nuint question, ref InterfaceRequest request) =>
        Control(socket, question, ref request) == 0;
}
