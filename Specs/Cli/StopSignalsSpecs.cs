using System.Runtime.InteropServices;
using TcpActors.Cli;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class StopSignalsSpecs
{
    // timeout of coreutils signals the process, and then the group that the process is in.
    [Fact]
    public void A_signal_that_comes_along_with_the_first_does_not_cut_the_orderly_end_short()
    {
        using var world = new World(1);
        using var stop = new StopSignals(world.Time);
        Assert.True(Signal(stop));
        Assert.True(stop.Token.IsCancellationRequested);
        Assert.True(Signal(stop));
        world.RunFor(999.ms);
        Assert.True(Signal(stop));
        world.RunFor(1.ms);
        Assert.False(Signal(stop));
    }

    /// <returns>Whether the process goes on.</returns>
    private static bool Signal(StopSignals stop)
    {
        var context = new PosixSignalContext(PosixSignal.SIGTERM);
        stop.OnSignal(context);
        return context.Cancel;
    }
}
