using TcpActors.Engine.State;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>What TCP_INFO alone tells of the segment-variant variables.</summary>
internal static class KernelVariants
{
    private const uint ThresholdNotSet = 0x7fffffff;

    /// <summary>Deadlines are off, sequence numbers are zero: TCP_INFO knows neither.</summary>
    public static SegmentVariants Of(in TcpInfo info)
    {
        SegmentVariants variants = SegmentVariants.Quiet;
        variants.State = (TcpState)info.State;
        variants.SmoothedRtt = new Microseconds(info.Rtt);
        variants.Delta = new Microseconds(info.RttVariation);
        variants.MinRtt = info.MinRtt == uint.MaxValue ? Microseconds.Never : new Microseconds(info.MinRtt);
        variants.Rto = new Microseconds((long)info.Rto >> info.Backoff);
        variants.RtoBackoff = info.Backoff;
        variants.SndWnd = info.SendWindow;
        variants.RcvWnd = info.ReceiveWindow;
        variants.CongestionWindow = info.CongestionWindow * info.SendMss;
        variants.SlowStartThreshold =
            info.SlowStartThreshold >= ThresholdNotSet ? uint.MaxValue : info.SlowStartThreshold * info.SendMss;

        // Moments before now: negative, as times that travel are relative.
        variants.LastDataSentAt = Microseconds.FromMilliseconds(-(long)info.LastDataSent);
        variants.LastReceivedAt = Microseconds.FromMilliseconds(-(long)Math.Min(info.LastDataReceived, info.LastAckReceived));
        return variants;
    }

    /// <summary>The sequence numbers: those that the kernel was given with the connection, and what it has counted since.</summary>
    public static void AddSequences(ref SegmentVariants variants, in SegmentVariants given, in TcpInfo info)
    {
        variants.SndUna = given.SndUna + (int)(uint)info.BytesAcknowledged;
        variants.SndMax = given.SndMax + (int)(uint)(info.BytesSent - info.BytesRetransmitted);
        variants.SndNxt = variants.SndMax;
        variants.RcvNxt = given.RcvNxt + (int)(uint)info.BytesReceived;
    }
}
