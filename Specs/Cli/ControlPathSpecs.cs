using TcpActors.Cli;
using TcpActors.Cli.Control;
using TcpActors.Specs.Kernel;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class ControlPathSpecs : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-path-");

    private string Own => Path.Combine(_directory.FullName, "own");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("/run/user/5", "/run/user/5", "/run/user/5/tcpactors/control.sock")]
    [InlineData("/run/user/5", null, "/tmp/tcpactors-1000/control.sock")]
    [InlineData("", null, "/tmp/tcpactors-1000/control.sock")]
    [InlineData(null, null, "/tmp/tcpactors-1000/control.sock")]
    public void The_default_path_is_in_the_users_runtime_directory_or_has_their_number(
        string? runtimeDirectory, string? own, string expected)
        => Assert.Equal(expected, ControlPath.For(runtimeDirectory, 1000, path => string.Equals(path, own, StringComparison.Ordinal)));

    [Theory]
    [InlineData(0, 0, "         0          0 4294967295")]
    [InlineData(0, 1000, "         0       1000          1")]
    [InlineData(3, 100_002, "0 1000 1", "1 100000 65536")]
    [InlineData(65534, 65534, "0 1000 1")]
    public void A_user_has_the_number_they_have_outside_their_namespace(uint inside, uint outside, params string[] map)
        => Assert.Equal(outside, ControlPath.OutsideUser(inside, map));

    [KernelFact]
    public void The_directory_is_made_for_its_owner_only_and_found_so_the_next_time()
    {
        ControlPath.MakeOwn(Own);
        ControlPath.MakeOwn(Own);

        Assert.Equal(OwnerOnly, Mode(Own));
    }

    [KernelFact]
    public void A_directory_that_others_may_use_is_refused()
    {
        SetMode(Directory.CreateDirectory(Own).FullName, OwnerOnly | UnixFileMode.GroupExecute);

        Assert.Contains($"chmod 700 {Own}", Refused(Own), StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_directory_that_somebody_else_owns_is_refused()
    {
        using var chown = System.Diagnostics.Process.Start("chown", ["65534", Directory.CreateDirectory(Own).FullName]);
        chown.WaitForExit();

        Assert.Contains("belongs to user 65534", Refused(Own), StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_link_to_a_directory_is_refused()
    {
        File.CreateSymbolicLink(Own, Directory.CreateDirectory(Own + ".other").FullName);

        Assert.Contains("not a directory", Refused(Own), StringComparison.Ordinal);
    }

    private static string Refused(string directory)
    {
        var message = Assert.Throws<CliException>(() => ControlPath.MakeOwn(directory)).Message;
        Assert.Contains("--control PATH", message, StringComparison.Ordinal);
        return message;
    }

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}
