using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>A figure against its floor and its aim, in words.</summary>
internal static class Verdict
{
    public static string Of(Measure measure, double value) => (measure.Meets(value, measure.Floor), measure.Meets(value, measure.Aim)) switch
    {
        (false, _) => "short of its floor",
        (_, true) => "met",
        (true, false) => "floor met, short of its aim",
        (true, null) => "floor met",
        (null, false) => "short of its aim",
        _ => "",
    };
}
