using System.Runtime.CompilerServices;

namespace TcpActors.Specs.Requirements;

/// <summary>One requirement of an RFC, as a row of the tables has it; the rules are in <c>README.md</c>.</summary>
/// <param name="Clause">Section and id.</param>
/// <param name="Level">MUST, SHOULD, and so on.</param>
/// <param name="Asks">What it asks, in few words.</param>
/// <param name="Specs">Who shows it: <c>ClassName.Method_name</c>.</param>
/// <param name="Reason">Why no spec does, or what is done instead; empty when there is nothing to say.</param>
internal sealed record Requirement(string Clause, string Level, string Asks, IReadOnlyList<string> Specs, string Reason)
{
    /// <summary>The RFC's own id where it gives one.</summary>
    public string Id => Clause[(Clause.IndexOf(' ', StringComparison.Ordinal) + 1)..];
}

/// <summary>Ids that are not the data path's, with one reason for all.</summary>
internal sealed record Elsewhere(IReadOnlyList<string> Ids, string Reason);

/// <summary>The file of one RFC.</summary>
internal sealed record RequirementTable(IReadOnlyList<Requirement> Rows, IReadOnlyList<Elsewhere> Groups)
{
    /// <summary>Where the tables are kept.</summary>
    public static string Folder { get; } = FolderOf();

    /// <exception cref="FormatException">A line is neither of the two kinds of row.</exception>
    public static RequirementTable Parse(IEnumerable<string> lines)
    {
        List<Requirement> rows = [];
        List<Elsewhere> groups = [];
        foreach (string line in lines.Where(line => line.StartsWith('|')))
        {
            string[] cells = [.. line.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];
            if (cells[0] is "Clause" or "Ids" || cells[0].StartsWith("--", StringComparison.Ordinal))
            {
                continue;
            }

            switch (cells)
            {
                case [var clause, var level, var asks, var specs, var reason]:
                    rows.Add(new Requirement(clause, level, asks, [.. Items(specs).Select(name => name.Trim('`'))], reason));
                    break;
                case [var ids, var reason]:
                    groups.Add(new Elsewhere(Items(ids), reason));
                    break;
                default:
                    throw new FormatException($"A row has five cells, or two: {line}");
            }
        }

        return new RequirementTable(rows, groups);
    }

    private static string[] Items(string cell) =>
        cell.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static string FolderOf([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
