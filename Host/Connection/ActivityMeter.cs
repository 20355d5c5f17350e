using TcpActors.Actors.Contract;

namespace TcpActors.HostSide;

/// <summary>Counts what a connection has moved, whoever owned it, from how far its buffers have come. Any thread.</summary>
internal sealed class ActivityMeter
{
    private readonly Lock _lock = new();
    private uint _shown;
    private uint _freed;
    private long _moved;

    /// <returns>Bytes received, and sent as far as the owner can tell, since the connection was set up.</returns>
    public long See(PostedMemory memory)
    {
        lock (_lock)
        {
            // Not from sequence numbers, which are not known before the first offload and then begin somewhere else.
            uint shown = memory.Receive.Shown;
            uint freed = memory.Send.Freed;
            _moved += (int)(shown - _shown) + (int)(freed - _freed);
            (_shown, _freed) = (shown, freed);
            return _moved;
        }
    }
}
