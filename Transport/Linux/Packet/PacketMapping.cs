using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux;

/// <summary>
/// A mapped ring. Every lent frame holds a reference, so that the memory stays until the last one has been returned, also when the link
/// was disposed before. The mapping holds the socket open meanwhile.
/// </summary>
internal sealed class PacketMapping : SafeHandleMinusOneIsInvalid
{
    public PacketMapping()
        : base(ownsHandle: true)
    {
    }

    public nuint Length { get; set; }

    protected override bool ReleaseHandle() => PacketSystemCalls.Unmap(handle, Length) == 0;
}
