namespace TcpActors.Actors.Scheduling;

/// <summary>
/// How far applications may write ahead of what is sent, shared evenly by the connections of one TOE that are written to. One that is
/// alone needs a few MiB to go on while its application is woken; what eight write together is to be in the processor's caches still
/// when it leaves. Any thread.
/// </summary>
internal sealed class WriteAhead
{
    private const int All = 8 << 20;
    private const int Least = 128 << 10;

    private int _writers;

    /// <summary>Bytes each may have unsent.</summary>
    public int Share => Math.Max(Least, All / Math.Max(1, Volatile.Read(ref _writers)));

    public void Join() => Interlocked.Increment(ref _writers);

    public void Leave() => Interlocked.Decrement(ref _writers);
}
