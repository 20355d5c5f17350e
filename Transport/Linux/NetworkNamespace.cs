using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux;

/// <summary>
/// A network namespace held by a descriptor. Unnamed ones vanish with the last descriptor, socket and process in them, also after
/// <c>kill -9</c>; nothing is left in the file system (network_namespaces(7)).
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int CloneNewNet = 0x40000000;
    private const string OwnPath = "/proc/thread-self/ns/net";

    private NetworkNamespace(SafeFileHandle handle) => Handle = handle;

    /// <summary>The descriptor of the namespace; owned by this object.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Makes a new, empty namespace; its loopback interface is down.</summary>
    /// <exception cref="IOException">The kernel refused; CAP_SYS_ADMIN is needed.</exception>
    public static NetworkNamespace Create() => OnItsOwnThread(static () =>
    {
        if (Unshare(CloneNewNet) != 0)
            throw Failure("make a network namespace");
        return OpenPath(OwnPath);
    });

    /// <summary>The namespace of the calling thread, as a handle of its own.</summary>
    public static NetworkNamespace Current() => OpenPath(OwnPath);

    /// <summary>The namespace of a process.</summary>
    /// <exception cref="IOException">There is no such process.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be looked at.</exception>
    public static NetworkNamespace OfProcess(int processId) => OpenPath($"/proc/{processId}/ns/net");

    /// <summary>The namespace that a file stands for, such as those that <c>ip netns add</c> leaves in /run/netns.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static NetworkNamespace OpenPath(string path) => new(File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete));

    /// <summary>
    /// Runs <paramref name="action"/> on a thread of its own inside this namespace and waits for it. Sockets made there belong to
    /// the namespace for good and may be used from any thread; so do processes started there. What the action hands to the thread
    /// pool runs outside.
    /// </summary>
    /// <exception cref="IOException">The namespace cannot be entered; CAP_SYS_ADMIN is needed.</exception>
    public void Run(Action action) => Run(() =>
    {
        action();
        return true;
    });

    /// <inheritdoc cref="Run(Action)"/>
    public T Run<T>(Func<T> function) => OnItsOwnThread(() =>
    {
        if (SetNamespace(Handle, CloneNewNet) != 0)
            throw Failure("enter the network namespace");
        return function();
    });

    /// <summary>Sets a kernel parameter of this namespace, e.g. <c>net.ipv4.tcp_sack</c> to <c>0</c>.</summary>
    /// <param name="key">As sysctl(8) writes it: with dots, or with slashes when an interface name in it has a dot.</param>
    /// <param name="value">The value as text.</param>
    /// <exception cref="IOException">The key is unknown, or the value is refused.</exception>
    /// <exception cref="UnauthorizedAccessException">The key may not be written from here.</exception>
    public void Sysctl(string key, string value) => Run(() =>
    {
        // Opened, never created: an unknown key is then "not found".
        using var parameter = new FileStream(SysctlPath(key), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        parameter.Write(Encoding.UTF8.GetBytes(value));
    });

    /// <summary>Reads a kernel parameter of this namespace.</summary>
    /// <inheritdoc cref="Sysctl(string, string)"/>
    public string Sysctl(string key) => Run(() => File.ReadAllText(SysctlPath(key)).TrimEnd());

    public void Dispose() => Handle.Dispose();

    private static string SysctlPath(string key)
        => "/proc/sys/" + (key.Contains('/', StringComparison.Ordinal) ? key : key.Replace('.', '/'));

    // setns and unshare change the calling thread only. That thread ends here and never returns to a pool.
    private static T OnItsOwnThread<T>(Func<T> function)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = function();
            }
#pragma warning disable CA1031 // Rethrown as it is on the calling thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        {
            IsBackground = true,
            Name = "network namespace",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static IOException Failure(string operation)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new IOException(
            $"Cannot {operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}). It needs CAP_SYS_ADMIN.");
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle descriptor, int type);
}
