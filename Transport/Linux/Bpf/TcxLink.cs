using Microsoft.Win32.SafeHandles;
using TcpActors.Transport.Steering;
using static TcpActors.Transport.Linux.Bpf.BpfSystemCall;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>The two hooks of an interface, by their number in uapi/linux/bpf.h.</summary>
internal enum TcxHook : uint { Ingress = 46, Egress = 47 }

/// <summary>
/// One program on one hook of one interface. A link, not an attachment: it vanishes with its last descriptor, so also when the process is
/// killed. Disposing detaches before it returns.
/// </summary>
internal sealed class TcxLink : IDisposable
{
    private const uint Before = 1 << 3;
    private const int Loopback = 1;

    private readonly SafeFileHandle _handle;

    private TcxLink(SafeFileHandle handle) => _handle = handle;

    /// <summary>
    /// Attaches at the head of the hook's chain. <paramref name="interfaceIndex"/> counts in the network namespace of the calling thread.
    /// </summary>
    /// <exception cref="SteeringException">No such interface, or the kernel refused.</exception>
    public static TcxLink AttachAtHead(BpfProgram program, TcxHook hook, int interfaceIndex)
    {
        var held = false;
        try
        {
            program.Handle.DangerousAddRef(ref held);
            // BEFORE without an object it is relative to means: before all others.
            var attributes = new LinkAttributes
            {
                Program = (int)program.Handle.DangerousGetHandle(),
                InterfaceIndex = interfaceIndex,
                AttachType = (uint)hook,
                Flags = Before,
            };
            var result = Run(Command.LinkCreate, ref attributes);
            var details = result == -NoDevice ? $"The calling thread's network namespace has no interface {interfaceIndex}." : null;
            return new TcxLink(BpfDescriptor.Own(result, $"attach an eBPF program to interface {interfaceIndex}", details));
        }
        finally
        {
            if (held)
                program.Handle.DangerousRelease();
        }
    }

    /// <summary>Number of programs, anybody's, on a hook of an interface in the calling thread's network namespace.</summary>
    /// <exception cref="SteeringUnavailableException">The kernel has no tcx, or the process may not ask.</exception>
    /// <exception cref="SteeringException">No such interface.</exception>
    public static int CountPrograms(TcxHook hook, int interfaceIndex)
    {
        var attributes = new QueryAttributes { InterfaceIndex = interfaceIndex, AttachType = (uint)hook };
        switch (-Run(Command.ProgramQuery, ref attributes))
        {
            case 0:
                return (int)attributes.Count;
            case NotPermitted:
                throw BpfDescriptor.NoRightTo("use tcx");
            case Invalid:
                throw new SteeringUnavailableException(
                    $"This kernel ({Environment.OSVersion.Version}) has no tcx, which came with Linux 6.6 (CONFIG_NET_XGRESS).");
            case var errno:
                throw new SteeringException($"tcx of interface {interfaceIndex} cannot be queried: {Explain(errno)}.", errno);
        }
    }

    /// <summary>Finds out by asking, since neither the kernel's version nor the user id tells.</summary>
    /// <exception cref="SteeringUnavailableException">The kernel has no tcx, or the process may not use it.</exception>
    public static void EnsureAvailable() => CountPrograms(TcxHook.Ingress, Loopback);

    public void Dispose() => _handle.Dispose();
}
