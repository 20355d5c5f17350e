using System.Diagnostics;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>Segmentation, coalescing and checksums left to the link, switched off through ethtool(8).</summary>
internal static class LinkOffloads
{
    private static readonly string? s_ethtool =
        new[] { "/usr/sbin/ethtool", "/sbin/ethtool", "/usr/bin/ethtool" }.FirstOrDefault(File.Exists);

    /// <summary>Features as ethtool lists them; each must be off for the rows without offloads.</summary>
    private static readonly string[] s_features =
    [
        "rx-checksumming", "tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload", "generic-receive-offload",
    ];

    /// <summary>Whether they can be switched off here.</summary>
    public static bool CanSwitchOff => s_ethtool is not null;

    /// <exception cref="BenchException">There is no ethtool, or a feature stayed on.</exception>
    public static void SwitchOff(NetworkNamespace where, string device) => where.Run(() =>
    {
        if (s_ethtool is null)
        {
            throw new BenchException("Rows with offloads off need the program ethtool: install it, or leave these rows out.");
        }

        Ethtool("-K", device, "rx", "off", "tx", "off", "tso", "off", "gso", "off", "gro", "off");
        string[] features = Ethtool("-k", device).Split('\n');
        foreach (string feature in s_features)
        {
            if (!features.Any(line => line.StartsWith($"{feature}: off", StringComparison.Ordinal)))
            {
                throw new BenchException($"{feature} of {device} stayed on.");
            }
        }
    });

    private static string Ethtool(params string[] arguments)
    {
        var start = new ProcessStartInfo(s_ethtool!, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using Process ethtool = Process.Start(start)!;
        string output = ethtool.StandardOutput.ReadToEnd();
        string error = ethtool.StandardError.ReadToEnd();
        ethtool.WaitForExit();
        return ethtool.ExitCode == 0
            ? output
            : throw new BenchException($"'ethtool {string.Join(' ', arguments)}' failed: {error.Trim()}");
    }
}
