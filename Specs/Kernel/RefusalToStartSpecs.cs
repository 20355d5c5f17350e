using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Bpf;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>What cannot work ends at once with one line that says what to do, and a code other than zero.</summary>
public sealed class RefusalToStartSpecs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-specs-");

    private string Control => Path.Combine(_directory.FullName, "control.sock");

    public void Dispose() => _directory.Delete(recursive: true);

    [KernelTheory]
    [InlineData("-all", "CAP_NET_ADMIN")]
    [InlineData("-net_admin,-sys_admin,-bpf", "CAP_NET_ADMIN")]
    [InlineData("-net_raw", "CAP_NET_RAW")]
    public async Task Without_privileges_it_says_which_are_missing(string capabilities, string named)
    {
        using var hosts = new TwoHosts();
        string[] without = ["setpriv", $"--bounding-set={capabilities}", $"--inh-caps={capabilities}"];

        (int code, string errors) = await RunAsync(hosts, ["--listen", $"{hosts.Server.IPv4}:0"], without);

        Assert.Equal(1, code);
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.Contains("root", errors, StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task A_wrong_interface_is_named()
    {
        using var hosts = new TwoHosts();

        (int code, string errors) = await RunAsync(hosts, ["--listen", $"{hosts.Server.IPv4}:0", "--toe", "nowhere0"]);

        Assert.Equal(1, code);
        Assert.Contains("nowhere0", errors, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_host_that_cannot_start_leaves_nothing()
    {
        using var hosts = new TwoHosts();
        int threads = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;

        for (int i = 0; i < 20; i++)
        {
            var failure = Assert.Throws<OffloadHostException>(() => hosts.Server.Run(() =>
                OffloadHost.Create(new OffloadHostOptions { Toes = [new ToeOptions(hosts.Server.Link), new ToeOptions("nowhere0")] })));
            Assert.Contains("nowhere0", failure.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, hosts.Server.Run(() =>
            TcxLink.CountPrograms(TcxHook.Ingress, hosts.Server.LinkIndex)));
        Assert.InRange(System.Diagnostics.Process.GetCurrentProcess().Threads.Count, 0, threads + 40);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_port_in_use_is_said_so(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using Socket other = hosts.Server.Listen(family);

        (int code, string errors) = await RunAsync(hosts, ["--listen", $"{other.LocalEndPoint}"]);

        Assert.Equal(1, code);
        Assert.Contains("in use", errors, StringComparison.Ordinal);
    }

    [KernelTheory]
    [InlineData("10.99.0.1:80", 1, "no interface here carries that address")]
    [InlineData("[fd99::1]:80", 1, "no interface here carries that address")]
    [InlineData("10.77.0.300:80", 2, "10.77.0.300")]
    [InlineData("[fd77::zz]:80", 2, "fd77::zz")]
    [InlineData("10.77.0.1", 2, "port")]
    [InlineData("10.77.0.1:99999", 2, "99999")]
    public async Task A_bad_address_is_explained(string address, int expected, string explanation)
    {
        using var hosts = new TwoHosts();

        (int code, string errors) = await RunAsync(hosts, ["--listen", address]);

        Assert.Equal(expected, code);
        Assert.Contains(explanation, errors, StringComparison.Ordinal);
    }

    [KernelTheory]
    [InlineData("10.77.0.1")]
    [InlineData("[fd77::1]")]
    [InlineData("0.0.0.0")]
    [InlineData("[::]")]
    public async Task An_address_of_either_family_works(string address)
    {
        using var hosts = new TwoHosts();
        await using DeathChild server = DeathChild.Start(
            hosts.Server, ["serve", "--listen", $"{address}:0", "--app", "echo", "--policy", "always", "--control", Control]);
        int port = (await server.ListeningAsync()).Port;
        AddressFamily[] families = address switch
        {
            "[::]" => [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6],
            _ => [address[0] == '[' ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork],
        };

        foreach (AddressFamily family in families)
        {
            using Socket client = await FenceLine.ConnectAsync(hosts.Client, new IPEndPoint(hosts.Server.Address(family), port));
            await FenceLine.EchoAsync(client);
            await FenceLine.UntilAsync(() => FenceLine.TcpCounter(hosts.Server, "CurrEstab") == 0, "the offload");
            await FenceLine.EchoAsync(client);
        }
    }

    private async Task<(int Code, string Errors)> RunAsync(TwoHosts hosts, string[] arguments, string[]? before = null)
    {
        await using DeathChild child = DeathChild.Start(
            hosts.Server, ["serve", .. arguments, "--app", "echo", "--control", Control], before);
        int code = await child.ExitAsync();
        string errors = child.Errors;
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        Assert.Contains(errors.Split('\n'), line => line.StartsWith("tcpactors: ", StringComparison.Ordinal));
        return (code, errors);
    }
}
