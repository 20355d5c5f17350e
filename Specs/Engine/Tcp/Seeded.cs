using System.Globalization;
using Xunit.Sdk;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>Runs something random so that a failure says how to see it again.</summary>
internal static class Seeded
{
    private const string Variable = "TCPACTORS_SEED";

    /// <summary>Runs with the seed given, or with the one that the environment names.</summary>
    public static void Run(int seed, Action<Random> spec)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out int named))
        {
            seed = named;
        }

        try
        {
            spec(new Random(seed));
        }
        catch (Exception failure)
        {
            string advice = $"Seed {seed} failed; replay this spec with {Variable}={seed}.";
            throw new XunitException(advice + Environment.NewLine + failure, failure);
        }
    }
}
