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
}
