using TcpActors.HostSide;

namespace TcpActors.Specs.Host;

/// <summary>The steps of a move, for one connection at a time.</summary>
internal static class OneMove
{
    public static TakeOut TakeOutAlone(this IHostHalf half, IFlowGate gate)
    {
        if (half.Prepare() is { } refusal)
        {
            return new TakeOut.Refused(refusal);
        }

        half.Stop();
        gate.Claim([half.Flow]);
        TakeOut result = half.TakeOut(gate);
        if (result is TakeOut.Taken)
        {
            half.Vacate();
        }

        return result;
    }

    public static void PutBackAlone(this IHostHalf half, in HandBack state, IFlowGate gate)
    {
        half.Restore(in state, gate);
        gate.Release([half.Flow]);
        Assert(half.Resume(gate).Wait(TimeSpan.FromSeconds(20)));
    }

    private static void Assert(bool isThrough) => Xunit.Assert.True(isThrough, "what was on its way never came through");
}
