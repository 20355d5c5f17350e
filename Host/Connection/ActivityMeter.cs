using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Policy;

namespace TcpActors.HostSide;

/// <summary>Counts what a connection has moved while the host owns it, from how far its buffers have come. Any thread.</summary>
internal sealed class ActivityMeter
{
    private readonly Lock _lock = new();
    private SeqNum _committed;
    private SeqNum _una;
    private long _received;
    private long _sent;

    public ConnectionActivity See(PostedMemory memory)
    {
        lock (_lock)
        {
            SeqNum committed = memory.Receive.Committed;
            SeqNum una = memory.Send.Una;
            _received += (uint)(committed - _committed);
            _sent += (uint)(una - _una);
            (_committed, _una) = (committed, una);
            return new ConnectionActivity(_received, _sent);
        }
    }
}
