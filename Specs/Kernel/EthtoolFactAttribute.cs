using System.Diagnostics;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>A kernel specification that switches a device's offloads off, which takes ethtool(8).</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EthtoolFactAttribute : FactAttribute
{
    private static readonly string? Program =
        new[] { "/usr/sbin/ethtool", "/sbin/ethtool", "/usr/bin/ethtool" }.FirstOrDefault(File.Exists);

    public EthtoolFactAttribute() => Skip = KernelRights.Missing ?? (IsInstalled ? null : "needs ethtool");

    internal static bool IsInstalled => Program is not null;

    /// <summary>Checksums and segments are done by the kernel before a frame reaches the cable; nothing is merged on arrival.</summary>
    internal static void SwitchOffloadsOff(SpecHost host) => host.Run(() =>
    {
        string[] arguments = ["-K", host.Link, "tx", "off", "tso", "off", "gso", "off", "gro", "off"];
        using Process ethtool = Process.Start(new ProcessStartInfo(Program!, arguments) { UseShellExecute = false })!;
        ethtool.WaitForExit();
        if (ethtool.ExitCode != 0)
            throw new InvalidOperationException($"ethtool ended with {ethtool.ExitCode}.");
    });
}
