using TcpActors.Bench.Report;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>The page of results belongs to people and to the bench.</summary>
public sealed class MarkedPageSpecs
{
    [Fact]
    public void What_people_wrote_around_a_part_stays()
    {
        string page = MarkedPage.Replace("# Results\n\nWords before.\n", "rows", "old table")!;
        page = MarkedPage.Replace(page + "\n## Where the time goes\n", "engine", "other table")!;

        page = MarkedPage.Replace(page, "rows", "new table")!;

        Assert.DoesNotContain("old table", page, StringComparison.Ordinal);
        string[] inOrder = ["Words before.", "new table", "## Where the time goes", "other table"];
        int[] places = [.. inOrder.Select(text => page.IndexOf(text, StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
    }

    [Fact]
    public void A_part_with_one_mark_missing_is_refused()
    {
        string page = MarkedPage.Replace("", "rows", "table")!;

        Assert.Null(MarkedPage.Replace(page.Replace("<!-- rows: end -->", "", StringComparison.Ordinal), "rows", "table"));
        Assert.Null(MarkedPage.Replace(page + page, "rows", "table"));
    }
}
