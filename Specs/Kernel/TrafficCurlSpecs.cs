using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Cli.Serving;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>A program that knows nothing of all this: curl fetches a file from the served directory.</summary>
public sealed class TrafficCurlSpecs
{
    private const int Bytes = 64 << 20;

    [ProgramTheory("curl")]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Curl_fetches_a_file_whole_while_its_connection_moves(AddressFamily family)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("tcpactors-");
        try
        {
            byte[] content = new byte[Bytes];
            new Random(60).NextBytes(content);
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "file"), content);
            using var hosts = new TwoHosts();
            await using OffloadHost host = hosts.Server.Run(
                () => OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never }));
            await using WebServing serving = await WebServing.StartAsync(
                host, [new IPEndPoint(hosts.Server.Address(family), 8080)], directory.FullName, NullLoggerFactory.Instance);

            using Process curl = hosts.Client.Run(() => Process.Start(
                new ProcessStartInfo("curl", ["-s", "-S", "--limit-rate", "40M", $"http://{serving.EndPoints[0]}/file"])
                {
                    UseShellExecute = false,
                    RedirectStandardOutput = true,
                })!);
            Task<byte[]> fetched = SHA256.HashDataAsync(curl.StandardOutput.BaseStream).AsTask();
            uint epoch = 0;
            while (!fetched.IsCompleted)
            {
                await host.OffloadAsync().WaitAsync(TrafficConnection.Patience);
                await host.UploadAsync().WaitAsync(TrafficConnection.Patience);
                epoch = Math.Max(epoch, (await host.ListAsync()).Select(each => each.Epoch.Value).DefaultIfEmpty().Max());
            }

            Assert.Equal(SHA256.HashData(content), await fetched.WaitAsync(TrafficConnection.Patience));
            await curl.WaitForExitAsync().WaitAsync(TrafficConnection.Patience);
            Assert.Equal(0, curl.ExitCode);
            Assert.True(epoch >= 20, $"only {epoch} moves");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
