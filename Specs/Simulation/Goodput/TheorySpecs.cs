using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation.Goodput;

public class TheorySpecs
{
    // RFC 9438 5.1, tables 1 (RTT 0.1 s) and 2 (0.01 s), column C = 0.4.
    [Theory]
    [InlineData(1e-2, 0.1, 12)]
    [InlineData(1e-3, 0.1, 38)]
    [InlineData(1e-4, 0.1, 187)]
    [InlineData(1e-5, 0.1, 1054)]
    [InlineData(1e-6, 0.1, 5926)]
    [InlineData(1e-8, 0.1, 187400)]
    [InlineData(1e-2, 0.01, 12)]
    [InlineData(1e-6, 0.01, 1200)]
    [InlineData(1e-7, 0.01, 5926)]
    [InlineData(1e-8, 0.01, 33325)]
    public void CUBICs_window_is_that_of_its_RFC(double p, double rtt, double window) =>
        Assert.InRange(Theory.CubicWindow(p, rtt), window * 0.999 - 0.5, window * 1.001 + 0.5);

    // Mathis and others, 1997: C = 1.22 with an acknowledgement for each segment, 0.87 with delayed ones, over sqrt(p).
    [Fact]
    public void Renos_window_has_the_constants_of_Mathis()
    {
        Assert.Equal(1.22, Theory.RenoWindow(1, b: 1), 0.005);
        Assert.Equal(0.87, Theory.RenoWindow(1, b: 2), 0.005);
        Assert.Equal(12.2, Theory.RenoWindow(0.01, b: 1), 0.05);
    }

    // RFC 5348 3.1 with b = 1 and t_RTO = 4 RTT: f(p) as in the table of Linux's DCCP (net/dccp/ccids/lib/tfrc_equation.c), in millionths.
    [Theory]
    [InlineData(0.0001, 8172)]
    [InlineData(0.002, 37172)]
    [InlineData(0.05, 271305)]
    public void Padhyes_rate_is_that_of_TFRC_where_no_bound_holds(double p, double millionths) =>
        Assert.Equal(1e6 / millionths, Theory.PadhyeRate(p, rtt: 1, rto: 4, b: 1), 1e6 / millionths * 1e-4);

    [Fact]
    public void Padhyes_rate_has_its_bounds()
    {
        // Nearly no loss: the receiver's window. Heavy loss: no more than every round is a time-out (the term's factor ends at 1).
        Assert.Equal(100, Theory.PadhyeRate(1e-9, rtt: 0.1, rto: 0.3, largestWindow: 10));
        double heavy = 1 / ((0.1 * Math.Sqrt(2 * 2 * 0.3 / 3)) + (0.3 * 0.3 * (1 + (32 * 0.09))));
        Assert.Equal(heavy, Theory.PadhyeRate(0.3, rtt: 0.1, rto: 0.3), 1e-9);
    }

    [Fact]
    public void Floors_are_of_the_model_that_holds_and_never_above_the_bound()
    {
        IEnumerable<string> models = Cell.All("reno").Select(c => (c.Loss, c.Model)).Distinct().Select(m => m.Model);
        Assert.Equal(["bound", "Reno", "Reno", "Padhye", "Padhye", "Padhye"], models);
        Assert.Equal("CUBIC", new Cell("cubic", 0.01, 20.ms, 1.MiB).Model);
        Assert.Equal(54, Cell.All("reno").Count);
        Assert.All(Cell.All("cubic"), cell => Assert.InRange(cell.Floor, 0.001, 0.8 * cell.Bound));
        Assert.Equal(0, new Cell("bbr", 0.05, 20.ms, 1.MiB).Floor);

        // 1448 of 1514 bytes; 64 KiB in 20.12 ms.
        Assert.Equal(95.64, new Cell("reno", 0, 1.ms, 1.MiB).Bound, 0.005);
        Assert.Equal(26.06, new Cell("reno", 0, 20.ms, 64.KiB).Bound, 0.005);
    }

    // Jain, Chiu, Hawe, 1984: k of n users with equal shares and nothing for the others make k / n.
    [Fact]
    public void Jains_index_is_the_part_of_users_that_would_have_it_all()
    {
        Assert.Equal(1, Fairness.Index([3, 3, 3]), 12);
        Assert.Equal(0.25, Fairness.Index([5, 0, 0, 0]), 12);
        Assert.Equal(0.9, Fairness.Index([1, 2]), 12);
        Assert.Throws<ArgumentException>(() => Fairness.Index([0, 0]));
    }
}
