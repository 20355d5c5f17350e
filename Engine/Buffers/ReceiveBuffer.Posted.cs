using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Buffers;

/// <content>
/// Direct placement: the application posts memory of its own, and what comes next in order is copied there from the frame, once, and takes
/// no chunk. The memory takes the stream from <see cref="Read"/> on without a gap; whatever lies elsewhere (it came out of order, or was
/// written before the memory was posted, or does not fit) is in chunks as ever, and is what ends the posting. Committed bytes in that memory
/// have been read: they do not count against the window.
/// </content>
/// <remarks>
/// Every write there is done under the lock, so that none goes on when the memory is taken back. Memory with uncommitted bytes is not given
/// back before their fate is known, as there is no other copy of them: RCV_NXT lies behind them already.
/// </remarks>
public sealed unsafe partial class ReceiveBuffer
{
    private Posting _posting = Posting.None;
    private uint _ownership;

    /// <summary>
    /// How far the application has read, or will have when the owner commits: bytes in its own memory take no room in the buffer. For the
    /// owner's window.
    /// </summary>
    public SeqNum Taken => Read + _posting.Uncommitted;

    /// <summary>Whether there are committed bytes that the application may have: unread, or in the memory it has posted.</summary>
    public bool HasSome => Unread > 0 || (_posting.Room >= 0 && PlacedBytes > 0);

    /// <summary>Whether memory is posted and full. For the owner, who knows before the commit.</summary>
    public bool IsPostedFull => _posting.Room == 0;

    /// <summary>
    /// Whether the application is to be told after this commit, pushed or not: its memory is full, or what came next is not in it, or it has
    /// wanted the memory back.
    /// </summary>
    public bool OwesNotice => _posting.IsGivenBack || (_posting.Room is var room && room >= 0 && (room == 0 || Unread > 0));

    /// <summary>Committed bytes in the memory that is posted, or was posted last.</summary>
    public int PlacedBytes
    {
        get
        {
            lock (_lock)
            {
                return _posting.Placed - _posting.Uncommitted;
            }
        }
    }

    /// <summary>Bytes that went straight to an application's own memory since the beginning.</summary>
    public long PlacedInAll => _posting.PlacedInAll;

    /// <summary>
    /// A new owner writes from now on. What an owner before it has left uncommitted in posted memory is overwritten; should that owner still
    /// run, it writes there no more.
    /// </summary>
    /// <returns>What the owner says who it is with.</returns>
    public uint BeginOwnership()
    {
        lock (_lock)
        {
            ForgetPlacedBeyond(_committed);
            return ++_ownership;
        }
    }

    /// <summary>Posts the application's own memory for the bytes that come next, for the consumer.</summary>
    /// <param name="memory">Not empty; pinned until it is given back.</param>
    /// <returns>False when there are unread bytes: they come first.</returns>
    /// <exception cref="InvalidOperationException">When there is memory posted already.</exception>
    public bool TryPost(Memory<byte> memory)
    {
        lock (_lock)
        {
            if (_posting.Room >= 0)
            {
                throw new InvalidOperationException("Memory is posted already: take it back first.");
            }

            if (_disposed || Unread > 0)
            {
                return false;
            }

            _posting = _posting == Posting.None ? new Posting() : _posting;
            _posting.Begin(memory, _committed);
            return true;
        }
    }

    /// <summary>Takes posted memory back, for the consumer.</summary>
    /// <returns>
    /// False when the owner has bytes in it that are not committed: it is given back at the commit, and <see cref="OwesNotice"/> is true then.
    /// </returns>
    public bool TryTakeBack()
    {
        lock (_lock)
        {
            if (_posting.Uncommitted > 0 || _posting.IsLent)
            {
                _posting.IsWantedBack = true;
                return false;
            }

            _posting.End();
            return true;
        }
    }

    /// <summary>Whether memory that was wanted back has been given back; says so once. For the consumer.</summary>
    public bool TryAcceptGivenBack()
    {
        lock (_lock)
        {
            bool isGivenBack = _posting.IsGivenBack;
            _posting.IsGivenBack = false;
            return isGivenBack;
        }
    }

    /// <summary>Copies bytes that are next in order to their place, in posted memory as far as there is any. For the owner.</summary>
    /// <param name="ownership">What <see cref="BeginOwnership"/> gave.</param>
    /// <param name="rcvNxt">Sequence number of the first byte.</param>
    /// <param name="bytes">May end beyond the limit, within the window that was advertised.</param>
    /// <inheritdoc cref="TryWrite(SeqNum, SegmentBytes)"/>
    public bool TryWriteNext(uint ownership, SeqNum rcvNxt, SegmentBytes bytes) =>
        (_posting.Room > 0 && TryPlace(ownership, rcvNxt.Value - _origin, bytes, out bool isDone)) ? isDone : TryWrite(rcvNxt, bytes);

    /// <returns>False when the memory does not take them.</returns>
    private bool TryPlace(uint ownership, uint position, SegmentBytes bytes, out bool isDone)
    {
        isDone = false;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (ownership != _ownership)
            {
                // A stale owner's bytes are nobody's; what it would commit is refused.
                return true;
            }

            // What is not next in the memory leaves a gap there, so it goes to a chunk.
            if (position != _posting.PlacedTo || _posting.IsWantedBack || _posting.Room <= 0 || bytes.IsEmpty)
            {
                return false;
            }

            int direct = Math.Min(bytes.Length, _posting.Room);
            uint last = _chunks.IndexOf(position + (uint)bytes.Length - 1);
            Reserve(last);
            if (direct < bytes.Length && !_chunks.TryFill(_chunks.IndexOf(position + (uint)direct), last))
            {
                return true;
            }

            _ownerHolds = true;
            CopyIn(position, bytes, new MemorySlice(_posting.Address, direct));
            _posting.Advance(direct);
            uint end = position + (uint)bytes.Length;
            _written = (int)(end - _written) > 0 ? end : _written;
            isDone = true;
            return true;
        }
    }

    /// <summary>What was placed and will not be committed is overwritten.</summary>
    private void ForgetPlacedBeyond(uint position)
    {
        int count = Math.Min(_posting.Uncommitted, (int)(_posting.PlacedTo - position));
        if (count > 0)
        {
            _posting.Advance(-count);
        }

        GiveBackIfWanted();
    }

    /// <summary>Bytes in the application's memory were read when they are committed.</summary>
    private void HandOverPlaced()
    {
        if (_posting.Uncommitted > 0)
        {
            _posting.Uncommitted = 0;
            PassTo(_posting.PlacedTo);
        }

        GiveBackIfWanted();
    }

    private void GiveBackIfWanted()
    {
        if (_posting is { IsWantedBack: true, Uncommitted: 0, IsLent: false })
        {
            _posting.End();
            _posting.IsGivenBack = true;
        }
    }
}
