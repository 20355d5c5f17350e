using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;
using TcpActors.Bench.Rows;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>The arithmetic between a run's figures and the table.</summary>
public sealed class StatisticsSpecs
{
    [Fact]
    public void The_median_is_the_middle_one_or_the_mean_of_the_two_in_the_middle()
    {
        Assert.Equal(3, Statistics.Median([9, 3, 1]));
        Assert.Equal(2.5, Statistics.Median([9, 3, 2, 1]));
        Assert.Throws<ArgumentException>(() => Statistics.Median([]));
    }

    [Fact]
    public void A_percentile_is_a_value_that_was_measured()
    {
        float[] sorted = [.. Enumerable.Range(1, 1000).Select(value => (float)value)];

        Assert.Equal(500, Statistics.Percentile(sorted, 0.5));
        Assert.Equal(990, Statistics.Percentile(sorted, 0.99));
        Assert.Equal(999, Statistics.Percentile(sorted, 0.999));
        Assert.Equal(7, Statistics.Percentile([7], 0.999));
    }

    [Fact]
    public void A_ratio_is_the_median_over_pairs_and_not_the_ratio_of_the_medians()
    {
        // The machine was ten times as slow in the second pair, for both.
        Summary ratio = Summary.OfRatios([80, 9, 120], [100, 10, 100]);

        Assert.Equal(0.9, ratio.Median, precision: 12);
        Assert.Equal(0.8, ratio.Min, precision: 12);
        Assert.Equal(1.2, ratio.Max, precision: 12);
    }

    [Fact]
    public void A_value_without_the_one_measured_beside_it_has_no_ratio()
    {
        Assert.Throws<ArgumentException>(() => Summary.OfRatios([1, 2], [1]));
    }

    [Theory]
    [InlineData(true, 0.6, "short of its floor")]
    [InlineData(true, 0.7, "floor met, short of its aim")]
    [InlineData(true, 1.0, "met")]
    [InlineData(false, 1.1, "short of its floor")]
    [InlineData(false, 0.9, "floor met, short of its aim")]
    [InlineData(false, 0.6, "met")]
    public void Floor_and_aim_are_on_the_side_that_is_better(bool higher, double value, string verdict)
    {
        (double floor, double aim) = higher ? (0.7, 1.0) : (1.0, 0.7);

        Assert.Equal(verdict, Verdict.Of(new Measure("m", "unit", higher ? Better.Higher : Better.Lower, floor, aim), value));
    }

    [Fact]
    public void Only_rows_that_both_ran_have_a_ratio()
    {
        Row row = Catalogue.Rows[0];
        string measure = row.Measures[0].Name;
        Figures[] two = [new Figures { [measure] = 10 }, new Figures { [measure] = 30 }];
        var runs = new RowRuns(row, new Dictionary<string, IReadOnlyList<Figures>> { [RowRuns.Engine] = two }, []);

        Assert.Null(runs.Ratio(measure));
        Assert.Equal(20, runs.Of(measure, RowRuns.Engine)!.Value.Median);
    }
}
