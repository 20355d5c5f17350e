using TcpActors.Engine.State;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// What the kernel was given at the last upload and does not tell when the connection is taken out again. A connection may move more often
/// than its round trip is measured or its timer runs out, and must not forget either.
/// </summary>
internal readonly struct LastHandBack
{
    private readonly SegmentVariants _variants;

    /// <param name="variants">Times remaining.</param>
    /// <param name="now">The host's clock.</param>
    public LastHandBack(in SegmentVariants variants, Microseconds now) => _variants = variants.ToDeadlines(now);

    /// <param name="variants">Read from the kernel, times remaining.</param>
    /// <param name="now">The host's clock.</param>
    public void Complete(ref SegmentVariants variants, Microseconds now)
    {
        if (variants.SmoothedRtt == Microseconds.Zero && _variants.SmoothedRtt > Microseconds.Zero)
        {
            (variants.SmoothedRtt, variants.Delta) = (_variants.SmoothedRtt, _variants.Delta);
            (variants.MinRtt, variants.Rto) = (_variants.MinRtt, _variants.Rto);
        }

        if (variants.Flight == 0)
        {
            return;
        }

        variants.RetransmitAt = variants.Rto;
        if (_variants.Flight > 0 && _variants.SndUna == variants.SndUna && !_variants.RetransmitAt.IsNever)
        {
            // The same bytes are in flight still: their timer runs on.
            variants.RetransmitAt = Microseconds.Max(_variants.RetransmitAt - now, Microseconds.Zero);
            variants.Retransmissions = _variants.Retransmissions;
            variants.RtoBackoff = _variants.RtoBackoff;
            variants.StalledSince = _variants.StalledSince.IsNever ? Microseconds.Never : _variants.StalledSince - now;
        }
    }
}
