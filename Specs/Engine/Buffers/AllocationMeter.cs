namespace TcpActors.Specs.Engine.Buffers;

internal static class AllocationMeter
{
    /// <summary>Bytes that this thread allocates in 10,000 runs of <paramref name="step"/>, after as many to warm up.</summary>
    public static long Measure(Action step)
    {
        Run(step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(step);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void Run(Action step)
    {
        for (int i = 0; i < 10_000; i++)
        {
            step();
        }
    }
}
