using System.Globalization;
using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Scenarios as text: <c>rate=100000000 rtt=20000 loss=0.01 back.loss=0.1</c>, times in microseconds, what is as usual left out. What was
/// written reads back as the same scenario, to the bit.
/// </summary>
internal static class ScenarioText
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private static readonly (string Name, Func<Scenario, string> Get, Func<Scenario, string, Scenario> Set)[] Fields =
    [
        ("rate", s => Text(s.Rate), (s, t) => s with { Rate = Long(t) }),
        ("rtt", s => Text(s.Rtt.Value), (s, t) => s with { Rtt = Time(t) }),
        ("jitter", s => Text(s.Jitter.Value), (s, t) => s with { Jitter = Time(t) }),
        ("queue", s => Text(s.Queue), (s, t) => s with { Queue = (int)Long(t) }),
        ("mark", s => Text(s.MarkAbove), (s, t) => s with { MarkAbove = (int)Long(t) }),
        ("mtu", s => Text(s.Mtu), (s, t) => s with { Mtu = (int)Long(t) }),
        ("offloads", s => Text(s.Offloads), (s, t) => s with { Offloads = Flag(t) }),
        ("buffer", s => Text(s.Buffer), (s, t) => s with { Buffer = (int)Long(t) }),
        ("promised", s => Text(s.Promised), (s, t) => s with { Promised = (int)Long(t) }),
        ("congestion", s => s.Congestion, (s, t) => s with { Congestion = t }),
        ("sack", s => Text(s.Sack), (s, t) => s with { Sack = Flag(t) }),
        ("timestamps", s => Text(s.Timestamps), (s, t) => s with { Timestamps = Flag(t) }),
        ("nagle", s => Text(s.Nagle), (s, t) => s with { Nagle = Flag(t) }),
        ("ecn", s => Text(s.Ecn), (s, t) => s with { Ecn = Flag(t) }),
    ];

    private static readonly (string Name, Func<Faults, string> Get, Func<Faults, string, Faults> Set)[] FaultFields =
    [
        ("loss", f => Text(f.Loss), (f, t) => f with { Loss = Number(t) }),
        ("burst", f => Text(f.Burst), (f, t) => f with { Burst = BurstOf(t) }),
        ("reordering", f => Text(f.Reordering), (f, t) => f with { Reordering = Number(t) }),
        ("reorder-delay", f => Text(f.ReorderDelay.Value), (f, t) => f with { ReorderDelay = Time(t) }),
        ("duplication", f => Text(f.Duplication), (f, t) => f with { Duplication = Number(t) }),
        ("corruption", f => Text(f.Corruption), (f, t) => f with { Corruption = Number(t) }),
        ("mended", f => Text(f.MendedCorruption), (f, t) => f with { MendedCorruption = Number(t) }),
        ("truncation", f => Text(f.Truncation), (f, t) => f with { Truncation = Number(t) }),
        ("passes", f => Text(f.Passes), (f, t) => f with { Passes = (int)Long(t) }),
        ("blackouts", f => Text(f.Blackouts), (f, t) => f with { Blackouts = BlackoutsOf(t) }),
    ];

    private static readonly Scenario Usual = new();

    public static string Write(Scenario scenario)
    {
        IEnumerable<string> path = Fields
            .Where(field => field.Get(scenario) != field.Get(Usual))
            .Select(field => $"{field.Name}={field.Get(scenario)}");
        return string.Join(' ', path.Concat(Write("", scenario.Faults)).Concat(Write("back.", scenario.FaultsBack)));
    }

    /// <exception cref="FormatException">When a word is no <c>name=value</c> that a scenario has.</exception>
    public static Scenario Parse(string text)
    {
        Scenario scenario = Usual;
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = word.Split('=', 2);
            string name = parts[0];
            string value = parts.Length == 2 ? parts[1] : throw new FormatException($"'{word}' is not of the form name=value.");
            bool isBack = name.StartsWith("back.", StringComparison.Ordinal);
            if (Array.Find(Fields, field => field.Name == name) is { Set: not null } field)
            {
                scenario = field.Set(scenario, value);
            }
            else if (Array.Find(FaultFields, fault => fault.Name == (isBack ? name[5..] : name)) is { Set: not null } fault)
            {
                scenario = isBack
                    ? scenario with { FaultsBack = fault.Set(scenario.FaultsBack, value) }
                    : scenario with { Faults = fault.Set(scenario.Faults, value) };
            }
            else
            {
                throw new FormatException($"A scenario has no '{name}'.");
            }
        }

        return scenario;
    }

    private static IEnumerable<string> Write(string prefix, Faults faults) => FaultFields
        .Where(field => field.Get(faults) != field.Get(Faults.None))
        .Select(field => $"{prefix}{field.Name}={field.Get(faults)}");

    private static string Text(long value) => value.ToString(Culture);

    private static string Text(double value) => value.ToString("R", Culture);

    private static string Text(bool value) => value ? "yes" : "no";

    private static string Text(Burst? b) => b is null
        ? "none"
        : string.Join('/', Text(b.ToBad), Text(b.ToGood), Text(b.LossWhenGood), Text(b.LossWhenBad), Text(b.Memory.Value));

    private static string Text(IReadOnlyList<Blackout> blackouts) =>
        blackouts.Count == 0 ? "none" : string.Join(',', blackouts.Select(b => $"{Text(b.From.Value)}-{Text(b.Until.Value)}"));

    private static long Long(string text) => long.Parse(text, Culture);

    private static double Number(string text) => double.Parse(text, Culture);

    private static Microseconds Time(string text) => new(Long(text));

    private static bool Flag(string text) => text switch
    {
        "yes" => true,
        "no" => false,
        _ => throw new FormatException($"'{text}' is neither yes nor no."),
    };

    private static Burst? BurstOf(string text)
    {
        if (text == "none")
        {
            return null;
        }

        return text.Split('/') is [string toBad, string toGood, string whenGood, string whenBad, string memory]
            ? new Burst(Number(toBad), Number(toGood), Number(whenGood), Number(whenBad)) { Memory = Time(memory) }
            : throw new FormatException($"A burst has five numbers, not '{text}'.");
    }

    private static IReadOnlyList<Blackout> BlackoutsOf(string text) => text == "none"
        ? []
        : [.. text.Split(',').Select(static pair => pair.Split('-')).Select(static p => new Blackout(Time(p[0]), Time(p[1])))];
}
