using System.IO.Pipelines;
using TcpActors.Engine.Buffers;
using TcpActors.Transport;

namespace TcpActors.HostSide;

/// <summary>What every connection of a host is made of.</summary>
internal sealed record ConnectionParts(
    SupervisorLine Supervisor,
    long AskAfterBytes,
    ChunkPool Pool,
    SlotTable Slots,
    MonotonicClock Clock,
    int SendBufferLimit,
    int ReceiveBufferLimit,
    PipeScheduler Scheduler);
