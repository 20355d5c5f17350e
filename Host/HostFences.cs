namespace TcpActors.HostSide;

/// <summary>
/// What stands between an owned flow and the kernel. The specs take one fence out at a time to show what it is there for; nobody else does.
/// </summary>
/// <param name="MarkReceived">Received frames of owned flows bear the TOE's mark, by which its link takes them.</param>
/// <param name="DropInKernel">What bears a mark does not reach the kernel's own stack.</param>
/// <param name="FenceSent">For an owned flow only frames with the owner's mark leave.</param>
/// <param name="UseBpf">Steer by eBPF where it can be had; false: by nftables sets.</param>
internal sealed record HostFences(bool MarkReceived = true, bool DropInKernel = true, bool FenceSent = true, bool UseBpf = true);
