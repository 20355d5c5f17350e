using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>What a connection costs that does nothing, which is what most connections do most of the time.</summary>
[Collection(nameof(RunsAlone))]
public sealed class IdleMemorySpecs(ITestOutputHelper output)
{
    private const int Connections = 1000;
    private const int Bytes = 1 << 20;

    /// <summary>
    /// The commit slot, what the application's own waiting takes and what a host keeps of each move that was asked for are in it, and nothing of a
    /// kernel's. Today it is 4,980, of which what is counted for statistics takes 220.
    /// </summary>
    private const int Most = 5000;

    /// <summary>Less than the commit slot and the actor's own objects: something else in the process was given up while this was measured, or made.</summary>
    private const int Least = 2000;

    private const int Goes = 3;

    [Fact]
    public void An_idle_connection_takes_little_memory_and_none_for_what_it_has_moved()
    {
        (double unused, double busy, double idle) = Measure();
        for (int go = 1; go < Goes && idle is < Least or > Most; go++)
        {
            (unused, busy, idle) = Measure();
        }

        Assert.InRange(idle, Least, Most);

        // What the TOE keeps ready for all its flows varies by some hundred kilobytes.
        Assert.InRange(idle - unused, double.MinValue, 300);
        Assert.True(busy > unused + 600, "moving bytes took nothing that could be given back");
    }

    /// <returns>Bytes of each connection before it was used, after <see cref="Bytes"/> each way, and when it is idle.</returns>
    private (double Unused, double Busy, double Idle) Measure()
    {
        using var host = new CrowdedHost();

        // What is made once for all connections, the cable's buffers among it.
        host.Add(Connections / 2);
        host.Exchange(8, Bytes);
        host.Rest();
        long before = CrowdedHost.MemoryInUse();

        host.Add(Connections);
        host.Rest();
        double unused = (CrowdedHost.MemoryInUse() - before) / (double)Connections;
        host.Exchange(Connections, Bytes);
        double busy = (CrowdedHost.MemoryInUse() - before) / (double)Connections;
        host.Rest();
        double idle = (CrowdedHost.MemoryInUse() - before) / (double)Connections;
        output.WriteLine($"{unused:F0} bytes before, {busy:F0} after 1 MiB each way, {idle:F0} when idle");
        Assert.Equal(0, host.Pool.RentedBytes);
        return (unused, busy, idle);
    }
}
