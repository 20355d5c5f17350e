using TcpActors.Transport.Steering;

namespace TcpActors.HostSide;

/// <summary>
/// What stands between an owned flow and the kernel. The specs take one fence out at a time to show what it is there for; nobody else does.
/// </summary>
/// <param name="MarkReceived"><see cref="SteeringParts.MarkReceived"/>.</param>
/// <param name="DropInKernel"><see cref="SteeringParts.DropInKernel"/>.</param>
/// <param name="FenceSent"><see cref="SteeringParts.FenceSent"/>.</param>
/// <param name="UseBpf">Steer by eBPF where it can be had; false: by nftables sets.</param>
internal sealed record HostFences(bool MarkReceived = true, bool DropInKernel = true, bool FenceSent = true, bool UseBpf = true)
{
    public SteeringParts Steering => new(MarkReceived, DropInKernel, FenceSent);
}
