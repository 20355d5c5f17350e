using System.Globalization;
using System.Net.NetworkInformation;
using System.Text;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>The demo is several processes in namespaces of their own: whichever is killed, whenever, all of it vanishes.</summary>
public sealed class DeathOfDemoSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task A_demo_killed_at_any_moment_leaves_no_process_namespace_or_interface(int seed)
    {
        var random = new Random(seed);
        string marker = $"TCPACTORS_SPEC_{Guid.NewGuid():N}";
        string[] interfaces = Interfaces();
        await using DeathChild demo = DeathChild.Start(host: null, ["demo", "--json"], marker: marker);
        using (var moment = new PeriodicTimer(TimeSpan.FromMilliseconds(random.Next(100, 900))))
        {
            await moment.WaitForNextTickAsync();
        }

        int[] family = Bearing(marker);
        string? own = NetworkOf(Environment.ProcessId);
        string[] namespaces = [.. family.Select(NetworkOf).OfType<string>()
            .Where(each => !string.Equals(each, own, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];
        int victim = family.Length == 0 ? demo.Id : family[random.Next(family.Length)];
        output.WriteLine($"{family.Length} processes, {namespaces.Length} namespaces of their own; {victim} (demo {demo.Id}) is killed");
        Kill(victim);

        await FenceLine.UntilAsync(() => Bearing(marker).Length == 0, "every process of the demo is gone");

        // It says so, unless all was done and said before.
        Assert.True(await demo.ExitAsync() != 0 || demo.Output.Contains("\"sha256_match\":true", StringComparison.Ordinal), demo.Output);
        Assert.DoesNotContain(Processes().Select(NetworkOf), each => namespaces.Contains(each, StringComparer.Ordinal));
        Assert.Equal(interfaces, Interfaces());
    }

    private static void Kill(int process)
    {
        using var kill = System.Diagnostics.Process.Start("kill", ["-KILL", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string[] Interfaces() =>
        [.. NetworkInterface.GetAllNetworkInterfaces().Select(each => each.Name).Order(StringComparer.Ordinal)];

    private static IEnumerable<int> Processes() => Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out int id) ? id : 0).Where(id => id != 0);

    /// <summary>Children inherit the environment, so all descendants bear the marker.</summary>
    private static int[] Bearing(string marker) =>
        [.. Processes().Where(id => Encoding.UTF8.GetString(Read(id)).Contains(marker, StringComparison.Ordinal))];

    private static byte[] Read(int process)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{process}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return [];
        }
    }

    private static string? NetworkOf(int process)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{process}/ns/net", returnFinalTarget: false)?.Name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
