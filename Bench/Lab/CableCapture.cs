using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>
/// A file of what passes an interface, both ways, by tcpdump(8). It sees what arrives before <see cref="RandomLoss"/> does: all that was
/// sent, in the order in which it was. It takes some of the speed.
/// </summary>
internal sealed class CableCapture : IAsyncDisposable
{
    // KiB: some seconds of headers, so that no frame is missing in the file when the machine has no time for it.
    private const int Buffer = 256 << 10;

    private readonly TiedProcess _tcpdump;

    private CableCapture(TiedProcess tcpdump) => _tcpdump = tcpdump;

    /// <param name="where">The interface's namespace.</param>
    /// <param name="interfaceName">The interface.</param>
    /// <param name="file">A pcap file, made or overwritten.</param>
    /// <param name="bytes">Kept of each frame; 0: all.</param>
    /// <exception cref="BenchException">There is no tcpdump, or it failed.</exception>
    public static async Task<CableCapture> StartAsync(NetworkNamespace where, string interfaceName, string file, int bytes)
    {
        string[] arguments =
        [
            "-i", interfaceName, "-w", file, "-s", Number(bytes), "-B", Number(Buffer), "--time-stamp-precision=nano", "-n",

            // It would become a user who may not write where root may.
            "-Z", "root", "tcp",
        ];
        try
        {
            var capture = new CableCapture(new TiedProcess(where, new ProcessStartInfo("tcpdump", arguments)
            {
                RedirectStandardError = true,
                UseShellExecute = false,
            }));

            // "listening on ..." when its socket is there.
            while (await capture._tcpdump.Process.StandardError.ReadLineAsync() is { } line)
            {
                if (line.Contains("listening", StringComparison.Ordinal))
                {
                    return capture;
                }
            }

            await capture.DisposeAsync();
            throw new BenchException("tcpdump does not capture.");
        }
        catch (Win32Exception exception)
        {
            throw new BenchException("A capture needs the program tcpdump: install it.", exception);
        }
    }

    /// <summary>Ends it.</summary>
    /// <returns>What tcpdump says of how many frames there were, and how many it missed.</returns>
    public async Task<string> StopAsync()
    {
        using Process kill = Process.Start("kill", ["-INT", Number(_tcpdump.Process.Id)]);
        string said = await _tcpdump.Process.StandardError.ReadToEndAsync();
        await _tcpdump.Exited;
        return said.Trim().ReplaceLineEndings(", ");
    }

    public ValueTask DisposeAsync() => _tcpdump.DisposeAsync();

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
