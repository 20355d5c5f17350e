namespace TcpActors.Specs.Engine.Buffers;

internal static class AllocationMeter
{
    private const int Goes = 5;

    /// <summary>Bytes that this thread allocates in 10,000 runs of <paramref name="step"/>, after as many to warm up.</summary>
    public static long Measure(Action step)
    {
        Run(step);
        return Least(() => Run(step));
    }

    /// <summary>
    /// Bytes that this thread allocates in <paramref name="work"/>, which is warm. A collection that other specs cause takes what is left of the thread's
    /// allocation context, up to 8 KiB, and counts it: whatever is allocated for each step is there every time.
    /// </summary>
    public static long Least(Action work)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Goes && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    private static void Run(Action step)
    {
        for (int i = 0; i < 10_000; i++)
        {
            step();
        }
    }
}
