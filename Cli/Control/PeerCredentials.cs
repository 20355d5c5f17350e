using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TcpActors.Cli.Control;

/// <summary>Who stands at the other end of a Unix socket, by the kernel's word (unix(7), SO_PEERCRED).</summary>
/// <param name="Process">Its process id, seen from here; 0 when it lives in a process namespace that is not visible.</param>
/// <param name="User">Its effective user id, seen from here.</param>
internal readonly record struct PeerCredentials(int Process, uint User)
{
    private const int SocketLevel = 1;
    private const int PeerCredentialsOption = 17;

    /// <summary>This process's effective user id.</summary>
    public static uint OwnUser { get; } = FindOwnUser();

    /// <summary>Root may do everything anyway.</summary>
    public bool MayControl => User == OwnUser || User == 0;

    public static PeerCredentials Of(Socket socket)
    {
        Span<int> credentials = stackalloc int[3];
        socket.GetRawSocketOption(SocketLevel, PeerCredentialsOption, MemoryMarshal.AsBytes(credentials));
        return new PeerCredentials(credentials[0], (uint)credentials[1]);
    }

    private static uint FindOwnUser()
    {
        const int effective = 2;
        return OperatingSystem.IsLinux()
            ? uint.Parse(
                File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[effective],
                CultureInfo.InvariantCulture)
            : 0;
    }
}
