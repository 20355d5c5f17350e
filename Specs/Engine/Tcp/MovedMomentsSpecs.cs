using System.Reflection;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>Two owners have two clocks: every moment in the variables goes over as a distance, also one that is added tomorrow.</summary>
public class MovedMomentsSpecs
{
    private static readonly HashSet<string> Durations =
        [nameof(SegmentVariants.SmoothedRtt), nameof(SegmentVariants.Delta), nameof(SegmentVariants.MinRtt), nameof(SegmentVariants.Rto)];

    [Fact]
    public void Every_moment_moves_with_the_clock_and_no_duration_does()
    {
        int count = 0;
        SegmentVariants before = (SegmentVariants)Visit(SegmentVariants.Quiet, (_, _) => new Microseconds(1_000_000 + count++));
        Assert.True(count >= 15, $"Only {count} times were found.");
        SegmentVariants after = before.ToTimesRemaining(10.s).ToDeadlines(100.s);
        Dictionary<string, Microseconds> times = [];
        Visit(before, (name, value) => times[name] = value);
        Visit(after, (name, value) =>
        {
            Assert.True(value - times[name] == (Durations.Contains(name) ? 0.s : 90.s), $"{name} was {times[name]} and is {value}.");
            return value;
        });
    }

    /// <summary>Every time in a struct and the structs in it. A congestion control's own have <see cref="Congestion.CongestionStateSpecs"/>.</summary>
    private static object Visit(object variables, Func<string, Microseconds, Microseconds> visit, string path = "")
    {
        foreach (FieldInfo field in variables.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            object value = field.GetValue(variables)!;
            if (value is Microseconds time)
            {
                field.SetValue(variables, visit(path + field.Name, time));
            }
            else if (field.FieldType is { IsPrimitive: false, IsEnum: false, IsValueType: true } && value is not (CongestionState or SeqNum))
            {
                field.SetValue(variables, Visit(value, visit, $"{path}{field.Name}."));
            }
        }

        return variables;
    }
}
