using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;

namespace TcpActors.Bench.Flight;

/// <summary>
/// A congestion window as large as the bench wants it, whatever is lost: no path of ours holds 64 MiB. When as much is in flight as is wanted,
/// <see cref="IsFilling"/> is over, and each time-out sends one segment as any algorithm would.
/// </summary>
internal sealed class FillingWindow : ICongestionControl
{
    public const string Called = "filling";

    private const uint Boundless = 1 << 30;

    private FillingWindow()
    {
    }

    /// <summary>Known by its name from the first use on.</summary>
    public static FillingWindow Known { get; } = MakeKnown();

    public string Name => Called;

    public bool IsFilling
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    public void Start(ref SegmentVariants variants, int mss) => variants.CongestionWindow = Boundless;

    public void OnAcked(ref SegmentVariants variants, in AckSample ack) => variants.CongestionWindow = Boundless;

    public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss) => Boundless;

    public void OnTimeout(ref SegmentVariants variants, in LossEvent loss) =>
        variants.CongestionWindow = IsFilling ? Boundless : (uint)loss.Mss;

    public void OnIdleEnd(ref SegmentVariants variants, in IdleEnd idle)
    {
    }

    private static FillingWindow MakeKnown()
    {
        var window = new FillingWindow();
        CongestionControls.Add(window);
        return window;
    }
}
