namespace TcpActors.Bench.Measuring;

/// <summary>What a CPU second gives.</summary>
internal static class Efficiency
{
    /// <summary>Adds the work done for each CPU second of the serving process and of the whole machine.</summary>
    public static void Add(Figures figures, double work, string perServerSecond, string perMachineSecond)
    {
        // A run shorter than the kernel's step of counting has no such figure.
        double server = figures[Figures.ServerUser] + figures[Figures.ServerSystem];
        if (server > 0)
        {
            figures[perServerSecond] = work / server;
        }

        if (figures[Figures.Machine] > 0)
        {
            figures[perMachineSecond] = work / figures[Figures.Machine];
        }
    }
}
