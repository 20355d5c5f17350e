using Xunit;

namespace TcpActors.Specs.Simulation.Goodput;

public class GoodputSpecs
{
    // All of it takes seconds, so that no subset has to stand for it. A difference means: write it anew, and explain.
    [Fact]
    [Trait("Category", "GoodputTable")]
    public void The_table_that_is_kept_is_what_is_measured_and_every_cell_is_above_its_floor()
    {
        GoodputPage page = GoodputTable.Measure();
        if (Environment.GetEnvironmentVariable(GoodputTable.WriteVariable) == "write")
        {
            File.WriteAllText(GoodputTable.Path, page.Text);
        }

        Assert.True(page.TooSlow.Count == 0, $"{page.TooSlow.Count} rows are under their floors:\n{string.Join('\n', page.TooSlow)}");
        Assert.Equal(File.ReadAllLines(GoodputTable.Path), page.Text.Split('\n')[..^1]);
    }

    [Fact]
    public void A_cell_measures_the_same_to_the_last_digit_again()
    {
        Cell cell = Cell.Cheap(GoodputTable.Congestion)[^1];
        Measurement measured = cell.Measure();
        Assert.Equal(measured, cell.Measure());
        Assert.True(measured.Mbit > 0 && measured.Sent > 0);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Flows_of_one_algorithm_get_their_share_on_either_side()
    {
        (double one, double other) = Fairness.Against(seed: 1, GoodputTable.Congestion, GoodputTable.Congestion, each: 2);
        Assert.Equal(2, one + other, 1e-9);
        Assert.InRange(one, 0.8, 1.2);
    }
}
