using System.Text;
using Microsoft.Win32.SafeHandles;
using TcpActors.Transport.Steering;
using static TcpActors.Transport.Linux.Bpf.BpfSystemCall;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>A loaded program for `tcx` (type SCHED_CLS). Lives while this object or a <see cref="TcxLink"/> holds it.</summary>
internal sealed unsafe class BpfProgram : IDisposable
{
    private const uint SchedulerClassifier = 3;
    private const int LogSize = 256 * 1024;
    private const int Attempts = 5;

    private BpfProgram(SafeFileHandle handle) => Handle = handle;

    internal SafeFileHandle Handle { get; }

    /// <exception cref="SteeringUnavailableException">This process may not load programs.</exception>
    /// <exception cref="SteeringException">The verifier refused the program: the message ends with its log.</exception>
    public static BpfProgram Load(ReadOnlySpan<byte> name, ReadOnlySpan<ulong> code)
    {
        var result = Load(name, code, log: default);
        string? verifierLog = null;
        if (result < 0 && result != -NotPermitted)
        {
            // The log is asked for only now: collecting it makes loading several times slower.
            var log = new byte[LogSize];
            result = Load(name, code, log);
            verifierLog = Encoding.ASCII.GetString(log, 0, Math.Max(0, Array.IndexOf(log, (byte)0)));
        }

        return new BpfProgram(BpfDescriptor.Own(result, "load an eBPF program", verifierLog));
    }

    public void Dispose() => Handle.Dispose();

    private static int Load(ReadOnlySpan<byte> name, ReadOnlySpan<ulong> code, Span<byte> log)
    {
        fixed (ulong* codeAt = code)
        fixed (byte* logAt = log, license = "unspecified"u8)
        {
            var attributes = new ProgramAttributes
            {
                Type = SchedulerClassifier,
                InstructionCount = (uint)code.Length,
                Instructions = (ulong)codeAt,
                // None of the kernel functions we call is reserved for the GPL, so any word will do.
                License = (ulong)license,
                LogLevel = log.IsEmpty ? 0u : 1u,
                LogSize = (uint)log.Length,
                LogBuffer = (ulong)logAt,
                Name = new ObjectName(name),
            };

            // The verifier gives up with EAGAIN when a signal is pending, and the runtime uses signals to suspend threads.
            for (var attempt = 1; ; attempt++)
            {
                var result = Run(Command.ProgramLoad, ref attributes);
                if (result != -TryAgain || attempt == Attempts)
                    return result;
            }
        }
    }
}
