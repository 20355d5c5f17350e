using System.Globalization;
using TcpActors.Mutation;

// dotnet run --project Mutation -c Release -- [seed=N] [count=N] [limit=SECONDS] [numbers=3,17] [stages=N]
string[] folders = ["Recovery", "Receive", "Congestion"];
int seed = Argument("seed", 20_261_123);
int count = Argument("count", 200);
int limit = Argument("limit", 180);
int stages = Argument("stages", 5);
int[] numbers = [.. Text("numbers").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture))];

try
{
    var engine = new EngineSource(Environment.CurrentDirectory);
    Mutant[] all = [.. engine.Mutants(folders)];
    new Random(seed).Shuffle(all);
    Console.WriteLine($"{all.Length} mutants of {string.Join(", ", folders)}; {count} of them by the seed {seed}.");
    Console.WriteLine();
    Console.WriteLine("| | place | before | after | mistake | fate | stage | first spec that fails |");
    Console.WriteLine("|---|---|---|---|---|---|---|---|");

    using var specs = new SpecRun(Path.Combine("Specs", "bin", "Release", "net10.0"), TimeSpan.FromSeconds(limit), stages);

    // Where a spec fails anyway, every mutant would seem to be killed.
    foreach (string folder in folders)
    {
        (Fate fate, _, string spec) = specs.Judge(engine.Original, folder);
        if (fate != Fate.Survived)
        {
            throw new MutationException($"The engine as it stands does not pass {spec}: no mutant's fate would say anything. Mend that first.");
        }
    }

    var fates = new Dictionary<(string Folder, string Fate), int>();
    int drawn = 0;
    foreach (Mutant mutant in all)
    {
        if (drawn == count)
        {
            break;
        }

        if (engine.Compile(mutant) is not { } assembly)
        {
            continue;
        }

        drawn++;
        if (numbers.Length > 0 && !numbers.Contains(drawn))
        {
            continue;
        }

        (Fate fate, string stage, string spec) = specs.Judge(assembly, mutant.Folder);
        string verdict = string.Equals(stage, "table", StringComparison.Ordinal) ? "Killed by the table" : fate.ToString();
        fates[(mutant.Folder, verdict)] = fates.GetValueOrDefault((mutant.Folder, verdict)) + 1;
        Console.WriteLine(
            $"| {drawn} | {mutant.Path}:{mutant.Line} | {Code(mutant.Before)} | {Code(mutant.After)} | {mutant.Operator} | {verdict} | {stage} | {spec} |");
    }

    Console.WriteLine();
    foreach (((string folder, string fate), int number) in fates.OrderBy(entry => entry.Key))
    {
        Console.WriteLine($"{folder}, {fate}: {number}");
    }

    return 0;
}
catch (MutationException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

string Code(string text) => $"`{text.Replace("|", "\\|", StringComparison.Ordinal)}`";

int Argument(string name, int usual) => Text(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

string Text(string name) =>
    args.FirstOrDefault(argument => argument.StartsWith(name + '=', StringComparison.Ordinal))?[(name.Length + 1)..] ?? "";
