using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// What the delivery rate is measured with (draft-ietf-ccwg-bbr 4.1), and what is sent by it. Part of <see cref="SegmentVariants"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct RateVariants
{
    /// <summary>Bytes delivered (acknowledged or reported by SACK) since the connection was first offloaded.</summary>
    public long Delivered;

    /// <summary>When that last grew.</summary>
    public Microseconds DeliveredAt;

    /// <summary>When the first segment of the flight that is being measured was sent.</summary>
    public Microseconds FirstSentAt;

    /// <summary>The application gave too little to send until <see cref="Delivered"/> reaches this; 0: it does not.</summary>
    public long AppLimitedUntil;

    /// <summary>How fast may be sent, in bytes a second; 0: as fast as the window lets. Set by the congestion control or the pacer.</summary>
    public long PacingRate;

    /// <summary>When the next run of segments may leave; Never: at once.</summary>
    public Microseconds PacedUntil;

    /// <summary>When <see cref="SegmentVariants.MinRtt"/> was last measured or confirmed; Never: not yet.</summary>
    public Microseconds MinRttAt;

    /// <summary>Bytes taken for lost, modulo 2^32.</summary>
    public uint Lost;

    internal static RateVariants Quiet => new()
    {
        DeliveredAt = Microseconds.Never,
        FirstSentAt = Microseconds.Never,
        PacedUntil = Microseconds.Never,
        MinRttAt = Microseconds.Never,
    };

    internal void Shift(Microseconds by)
    {
        DeliveredAt = DeliveredAt.ShiftedBy(by);
        FirstSentAt = FirstSentAt.ShiftedBy(by);
        PacedUntil = PacedUntil.ShiftedBy(by);
        MinRttAt = MinRttAt.ShiftedBy(by);
    }
}
