namespace TcpActors.Actors;

/// <summary>Where the actors of a TOE count what happens to connections. Any thread.</summary>
internal sealed class ToeBook
{
    private long _taken;
    private long _left;
    private long _givenBack;
    private long _refused;
    private long _uploadRequests;
    private long _forwardsDropped;

    public ToeCounters Counters
    {
        get
        {
            // First those that left: none of them is missing among those that came.
            long left = Interlocked.Read(ref _left);
            long taken = Interlocked.Read(ref _taken);
            return new ToeCounters(
                (int)(taken - left), taken, Interlocked.Read(ref _givenBack), Interlocked.Read(ref _refused), Interlocked.Read(ref _uploadRequests),
                Interlocked.Read(ref _forwardsDropped));
        }
    }

    public void Took() => Interlocked.Increment(ref _taken);

    /// <summary>A connection is no more this TOE's, given back or taken over by a later owner.</summary>
    public void Left() => Interlocked.Increment(ref _left);

    public void GaveBack() => Interlocked.Increment(ref _givenBack);

    public void Refused() => Interlocked.Increment(ref _refused);

    public void DroppedForwarded() => Interlocked.Increment(ref _forwardsDropped);

    public void RequestedUpload() => Interlocked.Increment(ref _uploadRequests);
}
