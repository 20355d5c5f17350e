using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>A segment's whole way, from a link's frame to the application and from the application to a frame, through the actor.</summary>
[Collection(nameof(RunsAlone))]
public sealed class SteadyStateAllocationSpecs(ITestOutputHelper output)
{
    private const int Segments = 500_000;
    private const int Attempts = 3;
    private const double Most = 0.01;

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public void A_million_segments_half_in_and_half_out_allocate_next_to_nothing_in_the_whole_process(int batch)
    {
        using var host = new CrowdedHost(keepReady: 16 << 20);
        host.Add(1);

        // A longer burst first: as much buffer memory as will ever be out at one time.
        host.Stream(Segments / 10, 4 * batch);
        host.Stream(Segments / 10, batch);
        double least = double.MaxValue;
        for (int i = 0; i < Attempts && least >= Most; i++)
        {
            // The runtime's own threads allocate a little, and now and then more; what a segment costs it costs each time.
            long before = GC.GetTotalAllocatedBytes(precise: true);
            host.Stream(Segments, batch);
            double each = (GC.GetTotalAllocatedBytes(precise: true) - before) / (2.0 * Segments);
            output.WriteLine($"{each} bytes a segment");
            least = Math.Min(least, each);
        }

        Assert.InRange(least, 0, Most);
    }
}
