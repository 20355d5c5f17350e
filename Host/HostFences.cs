using TcpActors.Transport.Steering;

namespace TcpActors.HostSide;

/// <summary>
/// What stands between an owned flow and the kernel. The specs take one fence out at a time to show what it is there for; nobody else does.
/// </summary>
/// <param name="UseBpf">Steer by eBPF where it can be had; false: by nftables sets.</param>
internal sealed record HostFences(bool UseBpf = true)
{
    /// <summary>What the steering does.</summary>
    public SteeringParts Parts { get; init; } = new();
}
