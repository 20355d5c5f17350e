using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>What a policy decides by.</summary>
public sealed class ActivityMeterSpecs
{
    private readonly ManagedChunkPool _pool = new();

    [Fact]
    public void Bytes_count_once_whatever_their_sequence_numbers_are()
    {
        using var send = new SendBuffer(_pool, 1 << 20);
        using var receive = new ReceiveBuffer(_pool, 1 << 20);
        var memory = new PostedMemory(send, receive, null!, new Nobody());
        var meter = new ActivityMeter();

        // The kernel pumps 1,000 bytes out; 300 of them come back unacknowledged with the first offload, which also tells the numbers.
        send.Write(new byte[1000]);
        send.FreeTo(send.Una + 1000);
        Assert.Equal(1000, meter.See(memory));
        send.Rebase(new SeqNum(4_000_000_000));
        send.Prepend(new byte[300]);
        receive.Rebase(new SeqNum(3_000_000_000));
        Assert.Equal(700, meter.See(memory));

        send.FreeTo(send.Una + 300);
        receive.TryWrite(receive.Committed, new byte[50]);
        receive.Commit(receive.Committed + 50);
        Assert.Equal(1050, meter.See(memory));
    }

    private sealed class Nobody : IApplicationFace
    {
        public void OwnedBy(IOwnerDoorbell owner)
        {
        }

        public void NotifyReadable()
        {
        }

        public void NotifyWritable()
        {
        }
    }
}
