using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using CsCheck;
using TcpActors.Specs.Simulation;
using Xunit.Sdk;

namespace TcpActors.Specs.Properties;

/// <summary>
/// Holds something against random cases, the same ones in each run: CsCheck's own loop takes only its first case from the seed. A case that fails is
/// made smaller by CsCheck, and the failure ends with the command that runs it alone. <c>TCPACTORS_SEED</c> names one case,
/// <c>TCPACTORS_SECONDS</c> asks for other cases for so long.
/// </summary>
internal static partial class Property
{
    public const string SecondsVariable = "TCPACTORS_SECONDS";

    /// <summary>How long CsCheck looks for a smaller case that fails; seconds.</summary>
    private const int Shrinking = 20;

    /// <summary>Holds it.</summary>
    /// <param name="cases">What can happen.</param>
    /// <param name="seed">Of the cases, where the environment asks for no others.</param>
    /// <param name="count">How many.</param>
    /// <param name="property">Throws when it does not hold. It must do the same with the same case.</param>
    /// <exception cref="XunitException">When it does not hold for a case.</exception>
    public static void Holds<T>(Gen<T> cases, ulong seed, int count, Action<T> property)
    {
        if (Environment.GetEnvironmentVariable(Replay.SeedVariable) is { Length: > 0 } named)
        {
            Replayed(cases.Generate(PCG.Parse(named), null, out _), property);
            return;
        }

        if (Environment.GetEnvironmentVariable(SecondsVariable) is { Length: > 0 } seconds)
        {
            var duration = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
            ulong random = PCG.ThreadPCG.Next64();
            long start = Stopwatch.GetTimestamp();
            for (uint i = 0; Stopwatch.GetElapsedTime(start) < duration; i++)
            {
                Try(cases, new PCG(i, random), property);
            }

            return;
        }

        for (uint i = 0; i < count; i++)
        {
            Try(cases, new PCG(i, seed), property);
        }
    }

    private static void Replayed<T>(T one, Action<T> property)
    {
        try
        {
            property(one);
        }
        catch (Exception failure)
        {
            throw new XunitException($"{one}\n{failure}", failure);
        }
    }

    private static void Try<T>(Gen<T> cases, PCG dice, Action<T> property)
    {
        string seed = dice.ToString();
        T one = cases.Generate(dice, null, out _);
        try
        {
            property(one);
        }
        catch (Exception failure)
        {
            throw new XunitException(Shrink(cases, seed, property) ?? $"{Advice(seed)}{one}\n{failure}", failure);
        }
    }

    /// <returns>What to say; null: it did not fail again.</returns>
    private static string? Shrink<T>(Gen<T> cases, string seed, Action<T> property)
    {
        try
        {
            cases.Sample(property, seed: seed, time: Shrinking, threads: 1, print: static one => $"{one}");
            return null;
        }
        catch (CsCheckException failure)
        {
            Match smaller = SeedOf().Match(failure.Message);
            return Advice(smaller.Success ? smaller.Groups["seed"].Value : seed) + failure.Message + "\n" + failure.InnerException;
        }
    }

    private static string Advice(string seed) =>
        Replay.Command($"={Replay.NameOfSpec()}", seed)
        + $"(and -e {Replay.TraceVariable}=FILE for every event, with a pcapng of each link)\n";

    [GeneratedRegex("""Set seed: "(?<seed>[^"]+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SeedOf();
}
