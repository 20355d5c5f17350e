using System.Diagnostics;
using System.Globalization;
using TcpActors.Transport.Linux;

namespace TcpActors.Cli.Demo;

/// <summary>
/// Starts this very command again inside a new network namespace, through unshare(1): a process with threads cannot enter a new user
/// namespace itself (unshare(2), EINVAL).
/// </summary>
internal static class OwnNamespace
{
    private const int SysAdmin = 21;

    /// <summary>The start of <c>tcpactors ARGS --parent PID</c> in a namespace of its own.</summary>
    public static ProcessStartInfo Command(params ReadOnlySpan<string> args)
    {
        // A killed runtime leaves its diagnostic socket and pipe behind: these have none.
        var start = new ProcessStartInfo("unshare")
        {
            ArgumentList = { Option, "--" },
            Environment = { ["DOTNET_EnableDiagnostics"] = "0" },
        };
        var self = Environment.ProcessPath!;
        start.ArgumentList.Add(self);
        if (Path.GetFileNameWithoutExtension(self) is "dotnet")
        {
            start.ArgumentList.Add(typeof(OwnNamespace).Assembly.Location);
        }

        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        start.ArgumentList.Add("--parent");
        start.ArgumentList.Add(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return start;
    }

    /// <summary>Ends with an explanation where the system does not let this user have a network namespace.</summary>
    /// <exception cref="CliException">It does not.</exception>
    public static async Task CheckAsync(CancellationToken cancellationToken)
    {
        await using var probe = ChildProcess.Start(new ProcessStartInfo("unshare")
        {
            ArgumentList = { Option, "--", "true" },
            RedirectStandardError = true,
            UseShellExecute = false,
        });
        var complaint = await probe.Error.ReadToEndAsync(cancellationToken);
        if (await probe.Exited.WaitAsync(cancellationToken) != 0)
        {
            throw new CliException(
                $"This system does not let you make a network namespace ({complaint.Trim()}). Run the demo as root, or allow user "
                + "namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                + "kernel.apparmor_restrict_unprivileged_userns; in a container they need --privileged), or try 'tcpactors demo --in-memory'.");
        }
    }

    /// <summary>What every process started here does first.</summary>
    public static void DieWithParent(int parent) => ParentProcess.DieWith(parent);

    /// <summary>With the right to make namespaces only a network namespace; without it a user namespace that gives it.</summary>
    private static string Option { get; } = (EffectiveCapabilities() >> SysAdmin & 1) != 0 ? "-n" : "-Urn";

    private static ulong EffectiveCapabilities() => ulong.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapEff:", StringComparison.Ordinal)).Split('\t')[1],
        NumberStyles.HexNumber,
        CultureInfo.InvariantCulture);
}
