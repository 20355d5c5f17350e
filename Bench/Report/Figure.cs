using TcpActors.Bench.Measuring;

namespace TcpActors.Bench.Report;

/// <summary>Figures as text: three digits that count, and no more noise than that.</summary>
internal static class Figure
{
    public static string Of(double? value) => value switch
    {
        null => "",
        >= 100 or <= -100 => $"{value:N0}",
        >= 10 => $"{value:F1}",
        >= 1 => $"{value:F2}",
        _ => $"{value:G3}",
    };

    public static string Ratio(Summary? ratio) => ratio is { } value ? $"{value.Median:F2}" : "";

    /// <summary>Of the ratio; without one, of the engine's own figures.</summary>
    public static string Spread(Summary? ratio, Summary? engine) => (ratio, engine) switch
    {
        ({ } value, _) => $"{value.Min:F2} to {value.Max:F2}",
        (null, { } value) => $"{Of(value.Min)} to {Of(value.Max)}",
        _ => "",
    };
}
