using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// What was received twice and is still to be reported (RFC 2883 4): a D-SACK block, the first of the next pure acknowledgement, and of no
/// other. What is lost of it in a move or a crash costs the peer one sign that it retransmitted in vain.
/// </summary>
internal struct DuplicateReport
{
    private SackBlock _block;

    /// <summary>Whether there is something to report.</summary>
    public readonly bool IsPending => _block.Right != _block.Left;

    /// <summary>
    /// RFC 2883 4 (1): a block is one contiguous sequence. Segments of one batch that follow each other are one, as they are where the link
    /// merges them.
    /// </summary>
    /// <returns>False when it does not touch what is pending, which is to be sent first.</returns>
    public bool TryAdd(SackBlock duplicate)
    {
        if (!IsPending)
        {
            _block = duplicate;
            return true;
        }

        if (duplicate.Left > _block.Right || duplicate.Right < _block.Left)
        {
            return false;
        }

        _block = new SackBlock(SeqNum.Min(_block.Left, duplicate.Left), SeqNum.Max(_block.Right, duplicate.Right));
        return true;
    }

    /// <summary>RFC 2883 4 (2): each is reported once.</summary>
    public SackBlock Take()
    {
        SackBlock taken = _block;
        _block = default;
        return taken;
    }
}
