using Microsoft.Win32.SafeHandles;
using TcpActors.Transport.Steering;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>Turns what bpf(2) returned into an owned descriptor (the kernel opens them close-on-exec) or the exception that fits.</summary>
internal static class BpfDescriptor
{
    private const int NoSystemCall = 38;

    /// <param name="result">A descriptor, or minus the error number.</param>
    /// <param name="doing">What was tried, to end the sentence "The kernel refused to ...".</param>
    /// <param name="details">More from the kernel, such as the verifier's log.</param>
    public static SafeFileHandle Own(int result, string doing, string? details = null) => result switch
    {
        >= 0 => new SafeFileHandle(result, ownsHandle: true),
        -BpfSystemCall.NotPermitted => throw NoRightTo(doing),
        -NoSystemCall => throw new SteeringUnavailableException("This kernel has no bpf system call (CONFIG_BPF_SYSCALL)."),
        _ => throw new SteeringException(
            $"The kernel refused to {doing}: {BpfSystemCall.Explain(-result)}.{(details is null ? "" : "\n" + details)}", -result),
    };

    /// <summary>The exception for a process without the right, root in a user namespace included.</summary>
    public static SteeringUnavailableException NoRightTo(string doing) => new(
        $"This process may not {doing}: steering by eBPF needs CAP_BPF and CAP_NET_ADMIN in the initial user namespace. Run as root.");
}
