using ScottPlot;
using ScottPlot.TickGenerators;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>Pictures of the results, as PNG files.</summary>
internal static class Plots
{
    private static readonly Color s_kernel = Color.FromHex("#7a8ca3");
    private static readonly Color s_engine = Color.FromHex("#d1662f");

    /// <summary>Writes a file for each kind of row that is there.</summary>
    /// <returns>The files.</returns>
    public static IReadOnlyList<string> Write(string folder, IReadOnlyList<RowRuns> rows)
    {
        Directory.CreateDirectory(folder);
        var files = new List<string>();
        Add("throughput.png", [.. rows.Where(row => row.Row is BulkRow)], list => Bars(list, BulkLoad.Throughput, "Gbit/s"));
        Add("rate.png", [.. rows.Where(row => Takes(row, RequestLoad.Rate))], list => Bars(list, RequestLoad.Rate, "per second"));
        Add("latency.png", [.. rows.Where(row => Takes(row, RequestLoad.P999))], Percentiles);
        Add("ratio.png", [.. rows.Where(row => row.Ratio(row.Row.Measures[0].Name) is not null)], Ratios);
        return files;

        void Add(string name, RowRuns[] of, Func<RowRuns[], Plot> draw)
        {
            if (of.Length > 0)
            {
                string file = Path.Combine(folder, name);
                using Plot plot = draw(of);
                plot.SavePng(file, 1200, 700);
                files.Add(file);
            }
        }
    }

    private static bool Takes(RowRuns row, string measure) => row.Of(measure, RowRuns.Engine) is not null;

    /// <summary>Medians as bars, the smallest and the largest run as whiskers.</summary>
    private static Plot Bars(RowRuns[] rows, string measure, string unit)
    {
        var plot = new Plot();
        for (int i = 0; i < rows.Length; i++)
        {
            AddBar(plot, i - 0.2, rows[i].Of(measure, RowRuns.Kernel), s_kernel);
            AddBar(plot, i + 0.2, rows[i].Of(measure, RowRuns.Engine), s_engine);
        }

        Legend(plot);
        NameRows(plot, rows);
        plot.Axes.Margins(bottom: 0, top: 0.15);
        plot.YLabel(unit);
        plot.Title("median of the runs; whiskers: smallest and largest");
        return plot;
    }

    /// <summary>For each row a line from the median to the slowest thousandth, on a logarithmic scale.</summary>
    private static Plot Percentiles(RowRuns[] rows)
    {
        var plot = new Plot();
        (string Measure, double Offset)[] points = [(RequestLoad.P50, -0.25), (RequestLoad.P99, 0), (RequestLoad.P999, 0.25)];
        for (int i = 0; i < rows.Length; i++)
        {
            foreach ((string who, Color color) in new[] { (RowRuns.Kernel, s_kernel), (RowRuns.Engine, s_engine) })
            {
                (double X, double Y)[] line =
                [
                    .. points.Where(point => rows[i].Of(point.Measure, who) is not null)
                        .Select(point => (i + point.Offset, Math.Log10(rows[i].Of(point.Measure, who)!.Value.Median))),
                ];
                var scatter = plot.Add.Scatter(line.Select(point => point.X).ToArray(), line.Select(point => point.Y).ToArray());
                scatter.Color = color;
                scatter.LineWidth = 2;
                scatter.MarkerSize = 8;
            }
        }

        Legend(plot);
        NameRows(plot, rows);
        plot.Axes.Left.TickGenerator = new NumericAutomatic
        {
            IntegerTicksOnly = true,
            MinorTickGenerator = new LogMinorTickGenerator(),
            LabelFormatter = power => $"{Math.Pow(10, power):N0}",
        };
        plot.YLabel("µs");
        plot.Title("each row: p50, p99, p99.9 from left to right");
        return plot;
    }

    /// <summary>The first measure of each row, engine by kernel, with floor and aim; drawn so that up is always better.</summary>
    private static Plot Ratios(RowRuns[] rows)
    {
        var plot = new Plot();
        for (int i = 0; i < rows.Length; i++)
        {
            Measure measure = rows[i].Row.Measures[0];
            Summary ratio = rows[i].Ratio(measure.Name)!.Value;
            bool turn = measure.Better == Better.Lower;
            AddBar(
                plot, i, turn ? new Summary(1 / ratio.Median, 1 / ratio.Max, 1 / ratio.Min) : ratio, s_engine.WithAlpha(0.6));
            AddBound(plot, i, measure.Floor, turn, Colors.DarkRed);
            AddBound(plot, i, measure.Aim, turn, Colors.DarkGreen);
        }

        plot.Add.HorizontalLine(1, 1, Colors.Gray);
        plot.Legend.ManualItems.Add(new LegendItem { LabelText = "floor", LineColor = Colors.DarkRed, LineWidth = 3 });
        plot.Legend.ManualItems.Add(new LegendItem { LabelText = "aim", LineColor = Colors.DarkGreen, LineWidth = 3 });
        plot.ShowLegend(Alignment.UpperRight);
        NameRows(plot, rows);
        plot.Axes.Margins(bottom: 0, top: 0.15);
        plot.YLabel("times as good as the kernel");
        plot.Title("ratio of neighbouring runs; latencies upside down, so that up is better");
        return plot;
    }

    private static void AddBar(Plot plot, double at, Summary? summary, Color color)
    {
        if (summary is not { } value)
        {
            return;
        }

        var bar = plot.Add.Bar(at, value.Median);
        bar.Color = color;
        bar.Bars[0].Size = 0.36;
        var whisker = plot.Add.Line(at, value.Min, at, value.Max);
        whisker.Color = Colors.Black;
        whisker.LineWidth = 2;
    }

    private static void AddBound(Plot plot, double at, double? bound, bool turn, Color color)
    {
        if (bound is { } value)
        {
            double height = turn ? 1 / value : value;
            var line = plot.Add.Line(at - 0.35, height, at + 0.35, height);
            line.Color = color;
            line.LineWidth = 3;
        }
    }

    private static void Legend(Plot plot)
    {
        plot.Legend.ManualItems.Add(new LegendItem { LabelText = "kernel", FillColor = s_kernel });
        plot.Legend.ManualItems.Add(new LegendItem { LabelText = "engine", FillColor = s_engine });
        plot.ShowLegend(Alignment.UpperRight);
    }

    private static void NameRows(Plot plot, RowRuns[] rows)
    {
        plot.Axes.Bottom.TickGenerator = new NumericManual([.. rows.Select((_, i) => (double)i)], [.. rows.Select(row => row.Row.Name)]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = 40;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
        plot.Axes.Bottom.MinimumSize = 130;
        plot.Axes.Right.MinimumSize = 60;
        plot.HideGrid();
    }
}
