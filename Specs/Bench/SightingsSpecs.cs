using System.Text.Json;
using TcpActors.Bench.Recording;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>What of a record counts as a variable that is visible and changes.</summary>
public sealed class SightingsSpecs
{
    private static readonly RecordedVariable s_variable = new("SND_CWIN", "variants", "congestion_window");

    // Fails when: Sightings looks at all connections together.
    [Fact]
    public void Two_connections_that_differ_are_no_change()
    {
        Sighting seen = See(s_variable, ("echo 1", "toe0", "10"), ("echo 2", "toe0", "20"), ("echo 1", "toe0", "10"));

        Assert.Equal((3, 3, 2, "10 to 20"), (seen.Reports, seen.Values, seen.Distinct, seen.Range));
        Assert.False(seen.IsChanging);
    }

    // Fails when: the owner is not looked at.
    [Fact]
    public void Only_a_change_on_a_TOE_counts()
    {
        Assert.False(See(s_variable, ("echo 1", "kernel", "10"), ("echo 1", "kernel", "20"), ("echo 1", "toe0", "30"), ("echo 1", "moving", "40")).IsChanging);
        Assert.True(See(s_variable, ("echo 1", "toe0", "30"), ("echo 1", "kernel", "20"), ("echo 1", "toe0", "31")).IsChanging);
        Assert.True(See(s_variable with { ChangesAtHost = true }, ("echo 1", "toe0", "30"), ("echo 1", "kernel", "20")).IsChanging);
    }

    // Fails when: null is taken for a value.
    [Fact]
    public void A_timer_that_is_off_is_reported_without_a_value()
    {
        Sighting seen = See(s_variable, ("echo 1", "toe0", "null"), ("echo 1", "toe0", "5"));

        Assert.Equal((2, 1, false), (seen.Reports, seen.Values, seen.IsChanging));
    }

    [Fact]
    public void What_the_list_does_not_have_is_not_reported()
    {
        Sighting seen = See(new RecordedVariable("none", "variants", "nothing"), ("echo 1", "toe0", "5"), ("echo 1", "toe0", "6"));

        Assert.Equal((0, false), (seen.Reports, seen.IsChanging));
    }

    /// <summary>Seventeen, as the claim has them.</summary>
    [Fact]
    public void Every_variable_of_claim_3_is_looked_for() => Assert.Equal(17, RecordedVariable.OfClaim3.DistinctBy(each => each.Path[^1]).Count());

    private static Sighting See(RecordedVariable variable, params (string Connection, string Owner, string Value)[] reports)
    {
        var sightings = new Sightings(variable);
        foreach ((string connection, string owner, string value) in reports)
        {
            sightings.Add(
                connection, JsonSerializer.Deserialize<JsonElement>($$"""{"owner":"{{owner}}","variants":{"congestion_window":{{value}} } }"""));
        }

        return sightings.Seen;
    }
}
