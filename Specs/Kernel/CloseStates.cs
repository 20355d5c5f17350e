using System.Globalization;

namespace TcpActors.Specs.Kernel;

/// <summary>What a host's kernel says of a connection in /proc/net/tcp and tcp6.</summary>
internal static class CloseStates
{
    public const int Gone = 0;
    public const int TimeWait = 6;
    public const int CloseWait = 8;
    private const int Listening = 10;

    /// <returns>The state by its number in the kernel; 0 when the kernel knows no such connection.</returns>
    public static int Of(SpecHost host, int localPort, int remotePort) => host.Run(() =>
    {
        foreach (string table in (string[])["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"])
        {
            foreach (string line in File.ReadLines(table).Skip(1))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                int state = int.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (state != Listening && Port(fields[1]) == localPort && Port(fields[2]) == remotePort)
                {
                    return state;
                }
            }
        }

        return Gone;
    });

    private static int Port(string address) => int.Parse(address[^4..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
