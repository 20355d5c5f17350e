using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Xunit;
using Xunit.Sdk;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Runs a simulation so that a failure says how to see it again: the seed, where it came to, the command that runs it with that seed and no
/// other, and the last events. With <c>TCPACTORS_TRACE=FILE</c> every event is written to that file and every link to a pcapng beside it.
/// </summary>
internal static class Replay
{
    public const string SeedVariable = "TCPACTORS_SEED";
    public const string TraceVariable = "TCPACTORS_TRACE";

    /// <summary>Runs the simulation with this seed, or with the one that the environment names.</summary>
    /// <exception cref="XunitException">When it fails.</exception>
    public static void Run(ulong seed, Action<World> simulation) => RunOne(NamedSeed ?? seed, simulation);

    /// <summary>Runs it with as many seeds, counting from <paramref name="seed"/>; or with the one that the environment names.</summary>
    /// <exception cref="XunitException">When it fails with one of them.</exception>
    public static void RunMany(ulong seed, int count, Action<World> simulation)
    {
        if (NamedSeed is { } named)
        {
            RunOne(named, simulation);
            return;
        }

        for (ulong i = 0; i < (ulong)count; i++)
        {
            RunOne(seed + i, simulation);
        }
    }

    /// <summary>The hash of everything that happened in a run.</summary>
    /// <exception cref="XunitException">When it fails.</exception>
    public static string HashOf(ulong seed, Action<World> simulation)
    {
        string hash = "";
        RunOne(seed, world =>
        {
            simulation(world);
            hash = world.Trace.Hash;
        });
        return hash;
    }

    /// <summary>The seed that the environment names; null: none.</summary>
    public static ulong? NamedSeed => Environment.GetEnvironmentVariable(SeedVariable) is { Length: > 0 } text ? ParseSeed(text) : null;

    private static void RunOne(ulong seed, Action<World> simulation) => Play(seed, simulation, Advice);

    /// <summary>Runs the simulation with this seed, whatever the environment says; traced as it says.</summary>
    /// <param name="seed">Of everything random in the world.</param>
    /// <param name="simulation">What happens.</param>
    /// <param name="advice">How to see a failure again.</param>
    /// <exception cref="XunitException">When it fails.</exception>
    public static void Play(ulong seed, Action<World> simulation, Func<World, string> advice)
    {
        using World world = new(seed);
        string? path = Environment.GetEnvironmentVariable(TraceVariable);
        using StreamWriter? file = string.IsNullOrEmpty(path) ? null : new StreamWriter(path);
        if (file is not null)
        {
            world.Trace.Follow(file);
            world.CapturePath = path;
        }

        try
        {
            simulation(world);
        }
        catch (Exception failure)
        {
            throw new XunitException(advice(world) + failure + "\n\nThe last events:\n" + world.Trace.Tail(), failure);
        }
    }

    private static string Advice(World world)
    {
        string at = (world.Now.Value / 1e6).ToString("0.000000", CultureInfo.InvariantCulture);
        string step = world.Steps.ToString("#,0", CultureInfo.InvariantCulture);
        string seed = world.Dice.Seed.ToString("X", CultureInfo.InvariantCulture);
        return $"Seed 0x{seed} failed at {at} s (step {step}). {Command($"={NameOfSpec()}", $"0x{seed}")}"
            + $"(and -e {TraceVariable}=FILE for every event, with a pcapng of each link)\n";
    }

    /// <summary>How to run a spec again with one seed; a line.</summary>
    /// <param name="spec">What its full name is (=) or contains (~).</param>
    /// <param name="seed">As <see cref="SeedVariable"/> takes it.</param>
    public static string Command(string spec, string seed) =>
        $"Replay: dotnet test Specs -c Release --filter \"FullyQualifiedName{spec}\" -e {SeedVariable}={seed}\n";

    /// <summary>The spec is the nearest caller that xunit takes for one.</summary>
    public static string NameOfSpec()
    {
        foreach (StackFrame frame in new StackTrace().GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { } type } method && method.GetCustomAttribute<FactAttribute>() is not null)
            {
                return $"{type.FullName}.{method.Name}";
            }
        }

        return "(the spec that failed)";
    }

    private static ulong ParseSeed(string text)
    {
        bool isHexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(
            isHexadecimal ? text[2..] : text,
            isHexadecimal ? NumberStyles.HexNumber : NumberStyles.Integer,
            CultureInfo.InvariantCulture,
            out ulong seed)
            ? seed
            : throw new FormatException($"{SeedVariable}={text} is no seed: use a number such as 0x5EED0001.");
    }
}
