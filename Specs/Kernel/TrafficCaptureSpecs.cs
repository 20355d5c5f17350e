using System.Diagnostics;
using System.Net.Sockets;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>What tshark makes of the segments that a moving connection sends, with every checksum and segment done before the cable.</summary>
public sealed class TrafficCaptureSpecs(ITestOutputHelper output)
{
    private const int Port = 8080;

    [TsharkTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Two_hundred_moves_leave_no_bad_segment_and_no_reset_in_a_capture(AddressFamily family)
    {
        string capture = Path.Combine(Path.GetTempPath(), $"tcpactors-{Guid.NewGuid():n}.pcapng");
        try
        {
            using var hosts = new TwoHosts();
            EthtoolFactAttribute.SwitchOffloadsOff(hosts.Server);
            EthtoolFactAttribute.SwitchOffloadsOff(hosts.Client);
            await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output, Port);
            string server = $"ip{(family == AddressFamily.InterNetwork ? "" : "v6")}.src == {hosts.Server.Address(family)}";
            using (Process tshark = await StartCaptureAsync(hosts.Client, capture))
            {
                await ExchangeAsync(line, moves: 200);
                await StopAsync(tshark);
            }

            // 0xffff for 0x0000 is what the kernel writes when it completes a checksum in software (CSUM_MANGLED_0, for its own segments too):
            // the same number in ones' complement (RFC 1624 3), though tshark would rather see the other.
            AssertNone(capture, $"{server} && ((tcp.checksum.status == 0 && tcp.checksum != 0xffff) || ip.checksum.status == 0)");
            AssertNone(capture, $"{server} && (_ws.malformed || tcp.options.unknown || _ws.expert.severity == error)");
            AssertNone(capture, "tcp.flags.reset == 1");

            // And they were looked at: as many segments with data, all with a good checksum, as this transfer takes at least.
            int good = Read(capture, $"{server} && tcp.len > 0 && tcp.checksum.status == 1").Count(letter => letter == '\n');
            output.WriteLine($"{good} good data segments from the server");
            Assert.True(good > 1000, $"only {good} segments");
        }
        finally
        {
            File.Delete(capture);
        }
    }

    private static void AssertNone(string capture, string filter)
    {
        string found = Read(capture, filter);
        Assert.True(found.Length == 0, $"{filter} finds\n{found}");
    }

    /// <summary>A block to the server and back with every two moves, so that the capture stays small.</summary>
    private static async Task ExchangeAsync(TrafficConnection line, int moves)
    {
        Task echo = TrafficStream.EchoAsync(line.Served);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task moved = Task.CompletedTask;
        Task sending = Task.Run(() => sent.SendAsync(
            line.Client,
            async () =>
            {
                await moved;
                bool more = line.Moves < moves;
                moved = more ? line.MoveToAndFroAsync() : Task.CompletedTask;
                return more;
            },
            seed: 40));
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        await line.AllAsync("capture", sent, received, sending, receiving, echo);
        await moved;
        TrafficStream.AssertEqual(sent, received);
        Assert.True(line.Moves >= moves, $"only {line.Moves} moves");
    }

    private static async Task<Process> StartCaptureAsync(SpecHost host, string file)
    {
        Process tshark = host.Run(() => Start(["-i", host.Link, "-f", "tcp", "-w", file, "-B", "64"]));
        using var patience = new CancellationTokenSource(TrafficConnection.Patience);
        var lines = new List<string>();
        while (await tshark.StandardError.ReadLineAsync(patience.Token) is { } line)
        {
            lines.Add(line);
            if (line.Contains("Capturing on", StringComparison.Ordinal))
            {
                _ = tshark.StandardError.ReadToEndAsync(CancellationToken.None);

                // It says so a little before its socket is there: the file appears with it.
                await TrafficStream.UntilAsync(() => new FileInfo(file) is { Exists: true, Length: > 0 }).WaitAsync(patience.Token);
                return tshark;
            }
        }

        throw new InvalidOperationException($"tshark does not capture: {string.Join('\n', lines)}");
    }

    private static async Task StopAsync(Process tshark)
    {
        using Process kill = Process.Start("kill", ["-INT", $"{tshark.Id}"]);
        await tshark.WaitForExitAsync().WaitAsync(TrafficConnection.Patience);
    }

    private static string Read(string file, string filter)
    {
        using Process tshark = Start(
        [
            "-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", filter,

            // Random bytes may look like any protocol above TCP, and then like a broken one.
            "-d", $"tcp.port=={Port},data", "-o", "tcp.try_heuristic_first:FALSE",
        ]);
        _ = tshark.StandardError.ReadToEndAsync();
        string found = tshark.StandardOutput.ReadToEnd();
        tshark.WaitForExit();
        Assert.Equal(0, tshark.ExitCode);
        return found;
    }

    private static Process Start(string[] arguments) => Process.Start(new ProcessStartInfo("tshark", arguments)
    {
        UseShellExecute = false,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}

/// <summary>A theory about a capture; it takes ethtool(8) to have no unfinished checksum in it, and tshark(1) to read it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TsharkTheoryAttribute : TheoryAttribute
{
    public TsharkTheoryAttribute() => Skip = new EthtoolFactAttribute().Skip
        ?? (File.Exists("/usr/bin/tshark") ? null : "needs tshark");
}
