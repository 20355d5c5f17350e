using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Specs.Kernel;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class ServeSpecs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-serve-");

    private string Control => Path.Combine(_directory.FullName, "control.sock");

    public void Dispose() => _directory.Delete(recursive: true);

    [KernelFact]
    public async Task That_loopback_stays_in_the_kernel_is_said_at_the_start_and_only_where_it_is_so()
    {
        using var hosts = new TwoHosts();
        await using DeathChild server = DeathChild.Start(
            hosts.Server,
            ["serve", "--listen", $"{hosts.Server.IPv4}:0", "--listen", "[::1]:7777", "--app", "echo", "--control", Control]);
        await server.ListeningAsync();
        server.Terminate();
        await server.ExitAsync();

        Assert.Contains("No TOE serves [::1]:7777: connections over loopback stay in the kernel", server.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain($"No TOE serves {hosts.Server.IPv4}", server.Errors, StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task A_control_socket_that_cannot_be_is_found_before_a_TOE_runs()
    {
        using var hosts = new TwoHosts();
        await File.WriteAllTextAsync(Control, "precious");
        await using DeathChild server = DeathChild.Start(
            hosts.Server, ["serve", "--listen", $"{hosts.Server.IPv4}:0", "--app", "echo", "--control", Control]);

        Assert.Equal(1, await server.ExitAsync());
        Assert.Contains($"tcpactors: There is a file {Control} that is no socket", server.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(" runs on ", server.Errors, StringComparison.Ordinal);
    }

    // Fails when: OffloadHost.Prepare leaves out SO_KEEPALIVE or TCP_KEEPIDLE, or ServeCommand the option.
    [KernelFact]
    public async Task Keep_alive_runs_on_the_TOE_for_as_long_as_was_asked_for()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var hosts = new TwoHosts();
        await using DeathChild server = DeathChild.Start(
            hosts.Server, ["serve", "--listen", $"{hosts.Server.IPv4}:0", "--app", "echo", "--keep-alive", "100", "--control", Control]);
        IPEndPoint served = await server.ListeningAsync();
        using Socket client = hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(served, patience.Token);
        await client.SendAsync(new byte[1], patience.Token);
        await client.ReceiveAsync(new byte[1], patience.Token);

        await ControlClient.AskAsync(Control, new ControlRequest(ControlRequest.Offload), patience.Token);
        ControlResponse list = await ControlClient.AskAsync(Control, new ControlRequest(ControlRequest.Connections), patience.Token);

        JsonElement connection = Assert.Single(list.Connections!);
        Assert.Equal(100_000_000, connection.GetProperty("segment").GetProperty("keep_alive_time").GetInt64());
        Assert.InRange(connection.GetProperty("variants").GetProperty("keep_alive_at").GetInt64(), 1, 100_000_000);
    }
}
