using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux;

/// <summary>A descriptor of the packet link: a socket, its epoll or its eventfd. Closed once, when the last call on it has ended.</summary>
internal sealed class PacketDescriptor : SafeHandleMinusOneIsInvalid
{
    public PacketDescriptor()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle() => PacketSystemCalls.Close(handle) == 0;
}
