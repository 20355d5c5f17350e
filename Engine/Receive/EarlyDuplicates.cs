using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// Which segments out of order are acknowledged one by one. RFC 9293 3.10.7.4 has all that is queued processed before an acknowledgement
/// goes (MUST-59); RFC 5681 4.2 has each segment out of order acknowledged, as the sender counts: three begin its recovery. From the fourth
/// on one acknowledgement says for a whole batch what a sender that reads reports (RFC 2018) wants to know. It is the owner's, and begins
/// anew after a move.
/// </summary>
internal struct EarlyDuplicates
{
    private SeqNum _next;
    private int _count;

    /// <summary>Another segment has come beyond a hole at RCV_NXT.</summary>
    /// <returns>Whether it is one of the first three.</returns>
    public bool Take(SeqNum rcvNxt)
    {
        if (rcvNxt != _next)
        {
            (_next, _count) = (rcvNxt, 0);
        }

        if (_count == TcpEngine.DuplicateThreshold)
        {
            return false;
        }

        _count++;
        return true;
    }
}
