using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>RFC 9937: during fast recovery the flight goes down to SSTHRESH in proportion to what is delivered. Part of <see cref="SegmentVariants"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ProportionalRateReduction
{
    // prr_delivered, prr_out, RecoverFS.
    private uint _delivered;
    private uint _sent;
    private uint _flight;

    /// <summary>RFC 9937 6.1: recovery begins.</summary>
    /// <param name="flight">RecoverFS: sent and neither acknowledged nor reported before the acknowledgement that began it.</param>
    internal void Start(uint flight) => (_delivered, _sent, _flight) = (0, 0, Math.Max(1, flight));

    /// <summary>
    /// RFC 9937 6.2: without SACK what duplicate acknowledgements stand for is guessed. It is no more than was outstanding, whatever a misbehaving
    /// receiver sends.
    /// </summary>
    internal readonly bool IsPlausible(long guessed) => guessed <= _flight;

    internal void OnSent(int bytes) => _sent += (uint)bytes;

    /// <summary>RFC 9937 6.2: an acknowledgement in recovery.</summary>
    /// <param name="delivered">DeliveredData.</param>
    /// <param name="inFlight">The pipe.</param>
    /// <param name="threshold">SSTHRESH.</param>
    /// <param name="mss">SMSS.</param>
    /// <param name="isSafe">SafeACK: SND.UNA advanced and nothing more was found lost.</param>
    /// <returns>SND_CWIN.</returns>
    internal uint OnAck(uint delivered, uint inFlight, uint threshold, int mss, bool isSafe)
    {
        _delivered += delivered;
        long mayBeSent;
        if (inFlight > threshold)
        {
            mayBeSent = (((long)_delivered * threshold) + _flight - 1) / _flight - _sent;
        }
        else
        {
            long limit = Math.Max((long)_delivered - _sent, delivered) + (isSafe ? mss : 0);
            mayBeSent = Math.Min((long)threshold - inFlight, limit);
        }

        if (_sent == 0)
        {
            // The fast retransmit itself.
            mayBeSent = Math.Max(mayBeSent, mss);
        }

        return (uint)(inFlight + Math.Max(0, mayBeSent));
    }
}
