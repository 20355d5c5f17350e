using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Specs.Fuzzing;

/// <summary>
/// Everything between a link and the application, as it is in a TOE: <see cref="RxDispatcher"/> with its channel, the flow table, engines. Frames are written
/// where a link would have them.
/// </summary>
internal sealed unsafe class FuzzedToe : IRxFrameOwner, IDisposable
{
    /// <summary>Two of each family: with and without SACK, timestamps and window scale; and half of them with ECN.</summary>
    public const int Connections = 8;

    private const int Slot = 2048;

    private readonly byte[] _slots = GC.AllocateUninitializedArray<byte>(Slot * RxBatch.Capacity, pinned: true);
    private readonly int[] _returned = new int[RxBatch.Capacity];
    private readonly RxBatch _batch = new();
    private readonly RxDispatcher _dispatcher;
    private readonly FuzzedConnection[] _connections;

    public FuzzedToe()
    {
        FlowTable flows = new();
        _dispatcher = new RxDispatcher(flows, host: null, static () => { }, lendingDepth: 2 * RxBatch.Capacity);
        _connections = [.. Enumerable.Range(0, Connections).Select(i => new FuzzedConnection(flows.Claim(Flows.Of(i)), i))];
    }

    public ReadOnlySpan<FuzzedConnection> All => _connections;

    public FuzzedConnection this[int number] => _connections[number];

    public DispatchCounters Counters => _dispatcher.Counters;

    /// <summary>Frames put in.</summary>
    public long Frames { get; private set; }

    /// <summary>The frames of the batch that is being filled, or was delivered last.</summary>
    public int Count { get; private set; }

    /// <summary>Where the next frame of the batch is to be written.</summary>
    public Span<byte> Next => _slots.AsSpan(Count * Slot, Slot);

    /// <summary>A frame of the last batch, to be shown.</summary>
    public ReadOnlySpan<byte> FrameOf(int index) => _batch.Frames[index].Bytes;

    /// <summary>The frame was written.</summary>
    /// <param name="length">Its bytes.</param>
    /// <param name="checksum">What the link says.</param>
    /// <param name="segmentSize">Of the segments that were merged into it; 0: none were.</param>
    /// <returns>Whether the batch is full.</returns>
    public bool Add(int length, ChecksumStatus checksum, ushort segmentSize)
    {
        fixed (byte* slots = _slots)
        {
            _batch.Frames[Count] = new RxFrame
            {
                Data = slots + (Count * Slot),
                Length = length,
                Checksum = checksum,
                SegmentSize = segmentSize,
                Token = Count,
                Owner = this,
            };
        }

        Count++;
        return Count == RxBatch.Capacity;
    }

    /// <summary>Delivers the batch, and checks that every frame is accounted for.</summary>
    public void Deliver(Microseconds now)
    {
        foreach (FuzzedConnection connection in _connections)
        {
            connection.Now = now;
        }

        Array.Clear(_returned);
        _batch.Count = Count;
        Frames += Count;
        Rule.Holds(_dispatcher.TryWrite(_batch), "the channel takes a batch");
        if (Array.Find(_connections, static connection => connection.Failure is not null) is { } broken)
        {
            throw new BrokenRuleException($"{broken}: {broken.Failure}");
        }

        Rule.Holds(!_dispatcher.Completion.IsCompleted, "the dispatcher goes on");
        Rule.Holds(!_returned.AsSpan(0, Count).ContainsAnyExcept(1), "every frame is returned once");

        DispatchCounters c = _dispatcher.Counters;
        Rule.Holds(c.Failures == 0, "nothing throws");
        Rule.Holds(
            c.Delivered + c.Malformed + c.NotTcp + c.BadChecksum + c.UnknownFlow + c.Fragments == Frames, "every frame is in exactly one counter");
        long taken = 0;
        foreach (FuzzedConnection connection in _connections)
        {
            taken += connection.Taken;
            Rule.Holds(
                connection.Malformed + connection.Verdicts[0] + connection.Verdicts[1] + connection.Verdicts[2] == connection.Taken,
                "every segment has one verdict");
            Rule.Holds(connection.BufferedBytes <= 4 * FuzzedConnection.BufferBytes, "memory has bounds");
        }

        Rule.Holds(taken == c.Delivered, "what was delivered was taken");
    }

    public void Clear() => Count = 0;

    public void Return(int token) => _returned[token]++;

    public void Dispose() => Array.ForEach(_connections, static connection => connection.Dispose());
}
