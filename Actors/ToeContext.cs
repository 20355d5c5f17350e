using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <summary>What the actors of one TOE share.</summary>
internal sealed class ToeContext
{
    public required string Name { get; init; }

    public required ILink Link { get; init; }

    public required FlowTable Flows { get; init; }

    public required MonotonicClock Clock { get; init; }

    public required PostedBuffers Buffers { get; init; }

    /// <summary>Variables on their way back to the host.</summary>
    public required TransferStack ToHost { get; init; }

    /// <summary>Variables on their way from the host.</summary>
    public required TransferStack FromHost { get; init; }

    /// <summary>Gets every <see cref="Toe.Event"/>.</summary>
    public required IActorRef Host { get; init; }

    public required ILogger Logger { get; init; }

    /// <summary>Most connections this TOE takes at a time.</summary>
    public required int Capacity { get; init; }

    /// <summary>When a connection is offered back that need not be.</summary>
    public required UploadRequestOptions Requests { get; init; }

    /// <summary>The connections the TOE has. Used by its supervisor only; here, so that they outlive its restart.</summary>
    public Dictionary<ConnectionId, ConnectionSeat> Seats { get; } = [];

    /// <summary>The next hops and paths of these connections, with whose newest version each works.</summary>
    public ToePaths Paths { get; } = new();

    /// <summary>One object for what is equal of them.</summary>
    public SharedInvariants Invariants { get; } = new();

    public ToeBook Book { get; } = new();

    public WriteAhead WriteAhead { get; } = new();

    /// <summary>One for each receiving thread.</summary>
    public required ReceiveLane[] Lanes { get; init; }

    /// <summary>How the TOE is at this moment. Any thread.</summary>
    public ToeReading Read()
    {
        DispatchCounters received = default;
        foreach (ReceiveLane lane in Lanes)
        {
            received += lane.Dispatcher.Counters;
        }

        return new ToeReading(Name, Link.IsUp, Capacity, Book.Counters, Link.Counters, received);
    }

    /// <summary>The lane that has this queue; null: it is another TOE's.</summary>
    public ReceiveLane? LaneOf(ReadyQueue ready)
    {
        foreach (ReceiveLane lane in Lanes)
        {
            if (lane.Ready == ready)
            {
                return lane;
            }
        }

        return null;
    }
}
