using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>
/// One object for segment-invariant variables that are equal: those of thousands of connections are, over one path and with the same options.
/// Any thread.
/// </summary>
internal sealed class SharedInvariants
{
    // Beyond that it starts anew: then some that are equal are two objects.
    private const int MostKept = 256;

    private readonly Lock _lock = new();
    private readonly HashSet<SegmentInvariants> _known = [];

    /// <returns>What is equal to <paramref name="value"/> and known already, or else that itself.</returns>
    public SegmentInvariants Of(SegmentInvariants value)
    {
        lock (_lock)
        {
            if (_known.TryGetValue(value, out SegmentInvariants? same))
            {
                return same;
            }

            if (_known.Count == MostKept)
            {
                _known.Clear();
            }

            _known.Add(value);
            return value;
        }
    }
}
