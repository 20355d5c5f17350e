using System.Reflection;
using Xunit;

namespace TcpActors.Specs.Requirements;

/// <summary>The tables of requirements name specs that exist, and leave out nothing of RFC 9293's appendix B.</summary>
public class RequirementSpecs
{
    private static readonly string[] Tables =
    [
        "RFC9293.md",
        "RFC5961.md",
        "RFC7323.md",
        "RFC2018.md",
        "RFC6298.md",
        "RFC8985.md",
        "RFC9438.md",
        "RFC3168.md",
        "RFC3522.md",
        "RFC3708.md",
        "RFC4015.md",
        "RFC5482.md",
        "RFC5682.md",
    ];

    private static readonly string[] Levels = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"];
    private static readonly string[] Reasons = ["Elsewhere: ", "Void: ", "Unused: ", "Deviation: "];

    // Of every spec, how a row names it. Facts and theories of our own are derived from xunit's.
    private static readonly HashSet<string> Known =
    [
        .. from type in typeof(RequirementSpecs).Assembly.GetTypes()
           from method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)
           where method.IsDefined(typeof(FactAttribute), inherit: true)
           select $"{type.Name}.{method.Name}",
    ];

    public static TheoryData<string> Files => [.. Tables];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_row_names_a_spec_that_exists_or_a_reason(string file)
    {
        RequirementTable table = Read(file);

        Assert.NotEmpty(table.Rows);
        AssertNone(Faults(table));
    }

    [Fact]
    public void Every_id_of_RFC_9293s_appendix_B_is_in_one_row()
    {
        string[] appendix = [.. Ids("MUST", 69), .. Ids("SHLD", 31), .. Ids("MAY", 18), .. Ids("REC", 1)];
        RequirementTable table = Read("RFC9293.md");
        string[] named = [.. table.Rows.Select(row => row.Id), .. table.Groups.SelectMany(group => group.Ids)];

        AssertNone(appendix.Except(named, StringComparer.Ordinal).Select(id => $"{id} is in no row"));
        AssertNone(named.Except(appendix, StringComparer.Ordinal).Select(id => $"{id} is none of the appendix"));
        AssertNone(Repeated(named).Select(id => $"{id} stands twice"));
    }

    [Fact]
    public void A_level_is_that_of_its_id()
    {
        foreach (Requirement row in Read("RFC9293.md").Rows)
        {
            string level = row.Id.Split('-')[0] switch { "SHLD" or "REC" => "SHOULD", string other => other };
            Assert.True(row.Level == level || row.Level == level + " NOT", $"{row.Clause}: {row.Level}");
        }
    }

    [Fact]
    public void Every_table_is_read()
    {
        IEnumerable<string> there = Directory.EnumerateFiles(RequirementTable.Folder, "RFC*.md").Select(path => Path.GetFileName(path));
        Assert.Equal(Tables.Order(StringComparer.Ordinal), there.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("| 3.1 MUST-1 | MUST | this | | |", "3.1 MUST-1: neither spec nor reason")]
    [InlineData("| 3.1 MUST-1 | MUST | this | `RequirementSpecs.None` | |", "3.1 MUST-1: there is no spec RequirementSpecs.None")]
    [InlineData("| 3.1 MUST-1 | MUST | this | `RequirementSpecs.Faults` | |", "3.1 MUST-1: there is no spec RequirementSpecs.Faults")]
    [InlineData("| 3.1 MUST-1 | MUST | this | | because |", "3.1 MUST-1: a reason says of which kind it is")]
    [InlineData("| 3.1 MUST-1 | MUST | this | | Void: |", "3.1 MUST-1: a reason says of which kind it is")]
    [InlineData("| 3.1 MUST-1 | must | this | | Void: so |", "3.1 MUST-1: there is no level must")]
    [InlineData("| MUST-1 | MUST | this | | Void: so |", "MUST-1: a clause is a section and an id")]
    [InlineData("| 3.1 MUST-1 | MUST | | | Void: so |", "3.1 MUST-1: it does not say what it asks")]
    [InlineData("| 3.1 MUST-1 | MUST | a | | Void: so |\n| 3.1 MUST-1 | MUST | b | | Void: so |", "3.1 MUST-1: it stands twice")]
    [InlineData("| MAY-1, MAY-2 | because |", "MAY-1, MAY-2: a reason says of which kind it is")]
    public void What_is_wrong_with_a_row_is_said(string lines, string fault) =>
        Assert.Equal([fault], Faults(RequirementTable.Parse(lines.Split('\n'))));

    [Theory]
    [InlineData("| 3.1 MUST-1 | MUST | asks | |")]
    [InlineData("| 3.1 MUST-1 | MUST | asks | `A.B` | | |")]
    public void A_row_with_other_cells_is_refused(string line) =>
        Assert.Throws<FormatException>(() => RequirementTable.Parse([line]));

    [Fact]
    public void A_row_is_read_as_it_stands()
    {
        RequirementTable table = RequirementTable.Parse(
        [
            "text",
            "| Clause | Level | Asks | Spec | Reason |",
            "|---|---|---|---|---|",
            "| 3.1 MUST-1 | MUST | this | `A.B`, `C.D` | Void: so |",
            "| MAY-1, MAY-2 | Elsewhere: there |",
        ]);

        Requirement row = Assert.Single(table.Rows);
        Assert.Equal(("3.1 MUST-1", "MUST-1", "MUST", "this", "Void: so"), (row.Clause, row.Id, row.Level, row.Asks, row.Reason));
        Assert.Equal(["A.B", "C.D"], row.Specs);
        Assert.Equal(["MAY-1", "MAY-2"], Assert.Single(table.Groups).Ids);
    }

    private static RequirementTable Read(string file) =>
        RequirementTable.Parse(File.ReadLines(Path.Combine(RequirementTable.Folder, file)));

    private static void AssertNone(IEnumerable<string> faults)
    {
        string text = string.Join('\n', faults);
        Assert.True(text.Length == 0, text);
    }

    private static IEnumerable<string> Faults(RequirementTable table)
    {
        foreach (Requirement row in table.Rows)
        {
            foreach (string fault in Faults(row))
            {
                yield return $"{row.Clause}: {fault}";
            }
        }

        foreach (string clause in Repeated(table.Rows.Select(row => row.Clause)))
        {
            yield return $"{clause}: it stands twice";
        }

        foreach (Elsewhere group in table.Groups.Where(group => !IsReason(group.Reason)))
        {
            yield return $"{string.Join(", ", group.Ids)}: a reason says of which kind it is";
        }
    }

    private static IEnumerable<string> Faults(Requirement row)
    {
        if (row.Clause.Split(' ').Length != 2)
        {
            yield return "a clause is a section and an id";
        }

        if (!Levels.Contains(row.Level, StringComparer.Ordinal))
        {
            yield return $"there is no level {row.Level}";
        }

        if (row.Asks.Length == 0)
        {
            yield return "it does not say what it asks";
        }

        foreach (string name in row.Specs.Where(name => !Known.Contains(name)))
        {
            yield return $"there is no spec {name}";
        }

        if (row.Specs.Count == 0 && row.Reason.Length == 0)
        {
            yield return "neither spec nor reason";
        }

        if (row.Reason.Length > 0 && !IsReason(row.Reason))
        {
            yield return "a reason says of which kind it is";
        }
    }

    private static bool IsReason(string text) =>
        Array.Exists(Reasons, reason => text.StartsWith(reason, StringComparison.Ordinal) && text.Length > reason.Length);

    private static IEnumerable<string> Ids(string kind, int last) => Enumerable.Range(1, last).Select(i => $"{kind}-{i}");

    private static IEnumerable<string> Repeated(IEnumerable<string> items) =>
        items.GroupBy(item => item, StringComparer.Ordinal).Where(group => group.Count() > 1).Select(group => group.Key);
}
