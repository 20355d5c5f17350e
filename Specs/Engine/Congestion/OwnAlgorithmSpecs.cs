using System.Runtime.CompilerServices;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

public class OwnAlgorithmSpecs
{
    static OwnAlgorithmSpecs() => CongestionControls.Add(new Eighth());

    [Fact]
    public void README_shows_the_class_that_is_specified_here()
    {
        string readme = File.ReadAllText(Path.Combine(Folder(), "..", "..", "..", "README.md")).ReplaceLineEndings("\n");
        string sample = File.ReadAllText(Path.Combine(Folder(), "Eighth.cs")).ReplaceLineEndings("\n")
            .Replace("namespace TcpActors.Specs.Engine.Congestion;\n\n", "", StringComparison.Ordinal);
        Assert.Contains("```csharp\n" + sample + "```", readme, StringComparison.Ordinal);
        Assert.InRange(sample.Split('\n').Length, 10, 30);
    }

    [Fact]
    public void It_grows_by_a_segment_each_round_trip_and_gives_up_an_eighth()
    {
        ModelPath path = new(new Eighth(), window: 80_000, threshold: 80_000) { Bandwidth = 1e10, RoundTrip = new Microseconds(10_000) };
        path.RunFor(Microseconds.FromMilliseconds(101));
        Assert.InRange(path.V.CongestionWindow, 89_000u, 91_000u);
        path.V.CongestionWindow = 80_000;
        Assert.Equal(
            70_000u, new Eighth().ThresholdAfterLoss(ref path.V, new LossEvent(LossKind.Loss, path.Now, ModelPath.Mss, path.InFlight)));
    }

    [Fact]
    public void An_engine_runs_with_it_by_its_name()
    {
        using Conversation link = new(
            invariants: Setup.Invariants with { CongestionControl = "eighth" },
            variants: v => v with { CongestionWindow = 4000, SlowStartThreshold = 4000 });
        link.Writes(1.s, 40_000);
        link.Receives(1.1.s, link.Ack(ack: 2000));
        link.Receives(1.1.s, link.Ack(ack: 4000));
        Assert.Equal(5000u, link.V.CongestionWindow);
    }

    [Fact]
    public void A_host_takes_a_name_that_is_known_and_no_other()
    {
        Assert.Equal("eighth", new OffloadHostOptions { CongestionControl = "eighth" }.CongestionControl);
        Assert.Null(new OffloadHostOptions().CongestionControl);
        string message = Assert.Throws<ArgumentException>(() => new OffloadHostOptions { CongestionControl = "vegas" }).Message;
        Assert.Contains("'vegas'", message, StringComparison.Ordinal);
        Assert.Contains("bbr, cubic", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_lower_case_and_given_once()
    {
        Assert.Throws<ArgumentException>(() => CongestionControls.Add(new Named("Eighth")));
        Assert.Throws<ArgumentException>(() => CongestionControls.Add(new Named("an eighth")));
        Assert.Throws<ArgumentException>(() => CongestionControls.Add(new Named("")));
        Assert.Throws<ArgumentException>(() => CongestionControls.Add(new Named("cubic")));
        Assert.Subset(CongestionControls.Names.ToHashSet(), (HashSet<string>)["bbr", "cubic", "reno"]);
    }

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    private sealed class Named(string name) : ICongestionControl
    {
        public string Name => name;

        public void OnAcked(ref SegmentVariants variants, in AckSample ack)
        {
        }

        public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss) => variants.SlowStartThreshold;
    }
}
