using System.Diagnostics;
using Akka.Actor;
using TcpActors.Actors;

namespace TcpActors.Bench.Scale;

/// <summary>What a segment costs an active connection when there are many idle ones beside it, against when there are none.</summary>
/// <param name="Alone">Nanoseconds for a segment with as many connections as are active; the runs' median.</param>
/// <param name="Crowded">The same with the idle ones beside them.</param>
/// <param name="Ratios">Crowded against alone, one for each pair of runs, ascending.</param>
internal sealed record CrowdMeasurement(double Alone, double Crowded, IReadOnlyList<double> Ratios)
{
    /// <summary>The median of the ratios: at most 1.2 is asked for.</summary>
    public double Ratio => Ratios[Ratios.Count / 2];

    /// <summary>Runs both alternately, each once more to warm up.</summary>
    /// <param name="connections">Offloaded connections in the crowd.</param>
    /// <param name="active">Those of them that receive, and all there are without the crowd.</param>
    /// <param name="segments">Segments of one run.</param>
    /// <param name="runs">Odd.</param>
    public static CrowdMeasurement Run(int connections = 10_000, int active = 100, int segments = 400_000, int runs = 5)
    {
        using var system = ActorSystem.Create("crowd", OffloadEngine.ReferenceConfig);
        using var few = new CrowdedToe(system, "few", active, active);
        using var many = new CrowdedToe(system, "many", connections, active);
        var alone = new List<double>();
        var crowded = new List<double>();
        for (int i = 0; i <= runs; i++)
        {
            double a = Measure(few, segments);
            double c = Measure(many, segments);
            if (i > 0)
            {
                alone.Add(a);
                crowded.Add(c);
            }
        }

        double[] ratios = [.. crowded.Zip(alone, (c, a) => c / a).Order()];
        return new CrowdMeasurement(alone.Order().ElementAt(runs / 2), crowded.Order().ElementAt(runs / 2), ratios);
    }

    private static double Measure(CrowdedToe toe, int segments)
    {
        long before = toe.CountReceived();
        long start = Stopwatch.GetTimestamp();
        toe.Receive(segments);
        double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        long received = toe.CountReceived() - before;
        return received == segments
            ? nanoseconds / segments
            : throw new InvalidOperationException($"{segments} segments were sent and {received} received.");
    }
}
