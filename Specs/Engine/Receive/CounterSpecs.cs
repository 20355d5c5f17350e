using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Recovery;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>What is dropped, and what happens seldom, is counted, each once: it is all that is seen of it.</summary>
public class CounterSpecs
{
    [Fact]
    public void Segments_without_ACK_and_with_an_unacceptable_one()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Ack() with { Flags = TcpFlags.None });
        Assert.Equal(1, link.Engine.Counters.DroppedAck);
        link.SendsNothing();
        link.Receives(1.s, link.Ack(ack: 1));
        Assert.Equal(2, link.Engine.Counters.DroppedAck);
    }

    [Fact]
    public void Segments_out_of_order_also_those_of_a_run()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 1000, length: 1000), link.Data(seq: 3000, length: 2000, count: 2));
        Assert.Equal((3, 3), (link.Engine.Counters.OutOfOrder, link.Engine.Counters.SegmentsReceived));
    }

    [Fact]
    public void Probes_of_our_closed_window()
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        Assert.Equal(0, link.Engine.Counters.DroppedZeroWindow);
        link.Receives(2.s, link.Data(seq: 1000, length: 1));
        Assert.Equal((1, 0), (link.Engine.Counters.DroppedZeroWindow, link.Engine.Counters.DroppedSequence));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Duplicate_acknowledgements(bool sack)
    {
        using Conversation link = SackPath.Link(sack: sack);
        link.Writes(1.s, 5000);
        link.Receives(1100.ms, sack ? link.Sack(0, (1000, 2000)) : link.Ack());
        link.Receives(1101.ms, sack ? link.Sack(0, (1000, 3000)) : link.Ack());
        Assert.Equal(2, link.Engine.Counters.DuplicateAcks);
    }
}
