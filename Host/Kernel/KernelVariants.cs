using TcpActors.Engine.State;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>What TCP_INFO alone tells of the segment-variant variables.</summary>
internal static class KernelVariants
{
    private const uint ThresholdNotSet = 0x7fffffff;

    /// <summary>Deadlines are off, sequence numbers are zero: TCP_INFO knows neither.</summary>
    public static SegmentVariants Of(in TcpInfo info) => new()
    {
        State = (TcpState)info.State,
        RetransmitAt = Microseconds.Never,
        DelayedAckAt = Microseconds.Never,
        KeepAliveAt = Microseconds.Never,
        PushAt = Microseconds.Never,
        PersistAt = Microseconds.Never,
        StalledSince = Microseconds.Never,
        TimedSegmentSentAt = Microseconds.Never,
        SmoothedRtt = new Microseconds(info.Rtt),
        Delta = new Microseconds(info.RttVariation),
        MinRtt = info.MinRtt == uint.MaxValue ? Microseconds.Never : new Microseconds(info.MinRtt),
        Rto = new Microseconds(info.Rto),
        CongestionWindow = info.CongestionWindow * info.SendMss,
        SlowStartThreshold = info.SlowStartThreshold >= ThresholdNotSet ? uint.MaxValue : info.SlowStartThreshold * info.SendMss,
    };
}
