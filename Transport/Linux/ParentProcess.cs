using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux;

/// <summary>Ties the life of this process to its parent's.</summary>
public static partial class ParentProcess
{
    private const int SetParentDeathSignal = 1;
    private const int SigKill = 9;

    /// <summary>
    /// From now on the kernel kills this process when its parent ends, however that ends (prctl(2), PR_SET_PDEATHSIG). The parent is the
    /// <em>thread</em> that started this process: it must live as long as its process.
    /// </summary>
    /// <param name="processId">The parent's process id, as the parent told it.</param>
    /// <exception cref="IOException">The parent has ended already.</exception>
    public static void DieWith(int processId)
    {
        // In this order: a parent that ends between the two is noticed by one of them.
        if (ProcessControl(SetParentDeathSignal, SigKill, 0, 0, 0) != 0 || ParentProcessId() != processId)
        {
            throw new IOException($"Process {processId}, which started this one, has ended.");
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int ParentProcessId();
}
