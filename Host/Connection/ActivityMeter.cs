using TcpActors.Actors.Contract;
using TcpActors.HostSide.Policy;

namespace TcpActors.HostSide;

/// <summary>Counts what a connection has moved, whoever owned it, from how far its buffers have come. Any thread.</summary>
internal sealed class ActivityMeter
{
    private readonly Lock _lock = new();
    private uint _shown;
    private uint _freed;
    private long _received;
    private long _sent;

    public ConnectionActivity See(PostedMemory memory)
    {
        lock (_lock)
        {
            // Not from sequence numbers, which are not known before the first offload and then begin somewhere else.
            uint shown = memory.Receive.Shown;
            uint freed = memory.Send.Freed;
            _received += (int)(shown - _shown);
            _sent += (int)(freed - _freed);
            (_shown, _freed) = (shown, freed);
            return new ConnectionActivity(_received, _sent);
        }
    }
}
