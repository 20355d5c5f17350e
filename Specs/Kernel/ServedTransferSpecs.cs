using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using TcpActors.Cli.Control;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// The real server, in a process and a namespace of its own, and programs that know nothing of it at the other end: while one connection
/// carries gigabytes it moves at least two hundred times between its first byte and its last.
/// </summary>
[Collection(nameof(RunsAlone))]
public sealed class ServedTransferSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Moves = 200;
    private const int EnoughMoves = 1000;
    private const int Attempts = 3;
    private const long Gigabyte = 1L << 30;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-served-");

    private string Control => Path.Combine(_directory.FullName, "control.sock");

    private string Payload => Path.Combine(_directory.FullName, "payload");

    public void Dispose() => _directory.Delete(recursive: true);

    [ProgramTheory("curl")]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public Task Curl_fetches_a_gigabyte(AddressFamily family) => ServeAsync(family, $"http:{_directory.FullName}", async (hosts, server) =>
    {
        byte[] expected = MakePayload(Gigabyte);
        return () => SameAsync(expected, hosts, "curl", ["-sS", "--limit-rate", "150M", $"http://{server}/payload"]);
    });

    [ProgramTheory("nc")]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public Task Nc_has_a_gigabyte_echoed(AddressFamily family) => ServeAsync(family, "echo", async (hosts, server) =>
    {
        byte[] expected = MakePayload(Gigabyte);
        return () => SameAsync(expected, hosts, "sh", ["-c", $"exec nc -N {server.Address} {server.Port} < {Payload}"]);
    });

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 1)]
    [InlineData(AddressFamily.InterNetworkV6, 1)]
    [InlineData(AddressFamily.InterNetwork, 5)]
    [InlineData(AddressFamily.InterNetworkV6, 5)]
    public Task A_kernel_socket_has_gigabytes_echoed_across_the_wrap_of_the_sequence_space(AddressFamily family, int gigabytes) =>
        ServeAsync(family, "echo", async (hosts, server) => async () =>
        {
            using Socket client = await FenceLine.ConnectAsync(hosts.Client, server);
            using var sent = new TrafficStream();
            using var received = new TrafficStream();
            Task receiving = Task.Run(() => received.ReceiveAsync(client));
            await Task.Run(() => sent.SendAsync(client, () => sent.Bytes < gigabytes * Gigabyte, seed: gigabytes, block: 1 << 20));
            await receiving;
            TrafficStream.AssertEqual(sent, received);
        });

    private async Task ServeAsync(AddressFamily family, string app, Func<TwoHosts, IPEndPoint, Task<Func<Task>>> prepare)
    {
        using var hosts = new TwoHosts();
        await using DeathChild server = DeathChild.Serve(hosts.Server, new IPEndPoint(hosts.Server.Address(family), 0), Control, app);
        Func<Task> transfer = await prepare(hosts, await server.ListeningAsync());
        uint most = 0;
        for (int attempt = 0; most < Moves; attempt++)
        {
            Assert.True(attempt < Attempts, $"no transfer saw more than {most} moves");
            long began = Stopwatch.GetTimestamp();
            Task running = transfer();
            uint moves = await MoveDuringAsync(running);
            await running;
            output.WriteLine($"{moves} moves in {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s");
            most = Math.Max(most, moves);
        }

        Assert.Equal((0, 0), (FenceLine.TcpCounter(hosts.Server, "OutRsts"), FenceLine.TcpCounter(hosts.Client, "OutRsts")));
        Assert.DoesNotContain("WRN", server.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("ERR", server.Errors, StringComparison.Ordinal);
    }

    /// <returns>The highest epoch that the connection was seen to have before the transfer ended.</returns>
    private async Task<uint> MoveDuringAsync(Task transfer)
    {
        uint epoch = 0;
        using var patience = new CancellationTokenSource(s_patience);
        while (!transfer.IsCompleted && epoch < EnoughMoves)
        {
            await ControlClient.AskAsync(Control, new ControlRequest(ControlRequest.Offload), patience.Token);
            await ControlClient.AskAsync(Control, new ControlRequest(ControlRequest.Upload), patience.Token);
            ControlResponse list = await ControlClient.AskAsync(Control, new ControlRequest(ControlRequest.Connections), patience.Token);
            foreach (JsonElement connection in transfer.IsCompleted ? [] : list.Connections!)
            {
                epoch = Math.Max(epoch, connection.GetProperty("epoch").GetUInt32());
            }
        }

        return epoch;
    }

    /// <summary>Runs a program at the client's side; what it writes must have the hash.</summary>
    private static async Task SameAsync(byte[] hash, TwoHosts hosts, string program, string[] arguments)
    {
        using Process process = hosts.Client.Run(() => Process.Start(
            new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true })!);
        byte[] came = await SHA256.HashDataAsync(process.StandardOutput.BaseStream).AsTask().WaitAsync(s_patience);
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.Equal((0, Convert.ToHexString(hash)), (process.ExitCode, Convert.ToHexString(came)));
    }

    /// <returns>The hash of what was written to the file.</returns>
    private byte[] MakePayload(long bytes)
    {
        var blocks = new TrafficBlocks(seed: 61, 1 << 20);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream file = File.Create(Payload);
        for (long done = 0; done < bytes; done += 1 << 20)
        {
            ReadOnlySpan<byte> block = blocks.Next().Span;
            hash.AppendData(block);
            file.Write(block);
        }

        return hash.GetHashAndReset();
    }
}

/// <summary>A theory with a program of somebody else's at the other end.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProgramTheoryAttribute : TheoryAttribute
{
    public ProgramTheoryAttribute(string program) =>
        Skip = KernelRights.Missing ?? (File.Exists($"/usr/bin/{program}") || File.Exists($"/bin/{program}") ? null : $"needs {program}");
}
