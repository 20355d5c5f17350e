using Xunit;

namespace TcpActors.Specs.Simulation;

public class DiceSpecs
{
    // xoshiro256** seeded with 0 through SplitMix64, as in Vigna's reference and Rust's rand_xoshiro.
    [Fact]
    public void They_are_the_published_generator()
    {
        Dice dice = new(0);
        ulong[] first = [dice.Next(), dice.Next(), dice.Next(), dice.Next()];
        Assert.Equal([0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c], first);
    }

    [Fact]
    public void Forks_depend_on_the_seed_and_the_name_and_not_on_what_was_drawn()
    {
        Dice dice = new(5);
        ulong before = dice.Fork("loss").Next();
        dice.Next();
        Assert.Equal(before, dice.Fork("loss").Next());
        Assert.NotEqual(before, dice.Fork("burst").Next());
        Assert.NotEqual(before, new Dice(6).Fork("loss").Next());
    }

    [Fact]
    public void A_chance_comes_as_often_as_it_should()
    {
        Dice dice = new(1);
        int hits = Enumerable.Range(0, 100_000).Count(_ => dice.Chance(0.01));
        Assert.InRange(hits, 900, 1100);
        Assert.True(Enumerable.Range(0, 1000).All(_ => dice.Between(3, 5) is >= 3 and <= 5));
        Assert.Equal([0L, 1, 2], Enumerable.Range(0, 1000).Select(_ => dice.Below(3)).Distinct().Order());
    }
}
