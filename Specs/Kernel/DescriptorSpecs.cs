using System.Globalization;
using System.Net.Sockets;
using TcpActors.HostSide.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A process that may open no more descriptors (EMFILE) must not lose its connections when they come back.</summary>
public sealed class DescriptorSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_connection_comes_back_on_a_socket_that_was_open_before_it_left(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        await line.OffloadAsync();
        HashSet<string> open = [.. Directory.EnumerateFiles("/proc/self/fd").Select(Target)];

        await line.UploadAsync();

        Socket socket = ((KernelHalf)line.Served.Half).Socket!;
        Assert.Contains(Target(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{socket.Handle}")), open);
    }

    /// <returns>The inode, such as <c>socket:[4711]</c>; empty for a descriptor that was closed meanwhile.</returns>
    private static string Target(string descriptor) => new FileInfo(descriptor).LinkTarget ?? "";
}
