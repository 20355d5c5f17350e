using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>An actor that finds a long queue of segments.</summary>
public sealed class FullQueueSpecs(ITestOutputHelper output) : TestKit(OffloadEngine.ReferenceConfig, "full-queue", output)
{
    // RFC 9293 3.8.6.3: an ACK should not be excessively delayed; it leaves with the commit.
    [Fact]
    public void A_long_queue_is_committed_and_acknowledged_in_parts_and_taken_to_its_end()
    {
        const int segments = 1000;
        const int inOneMessage = 256;
        using var toes = new TwoToes(Sys, TestActor, TestActor);
        toes.A.Toe.Flows.Claim(toes.A.Entry.Connection.Flow);
        SeqNum first = toes.A.Receive.Committed;
        for (int i = 0; i < segments; i++)
        {
            Send(toes, first + (i * 10), toes.A.Send.Una);
            toes.Settle();
        }

        toes.A.Offload();
        toes.Settle();
        Assert.Equal(segments * 10, toes.A.Receive.Unread);

        // One is the first act after the offload.
        Assert.Equal(1 + ((segments + inOneMessage - 1) / inOneMessage), toes.Cable.A.Counters.TxFrames);
    }

    /// <summary>A receives ten bytes in the name of B.</summary>
    private static unsafe void Send(TwoToes toes, SeqNum seq, SeqNum ack)
    {
        byte[] frame = new FrameBuilder
        {
            SourceMac = toes.Cable.B.Address,
            DestinationMac = toes.Cable.A.Address,
            Flow = toes.B.Entry.Connection.Flow,
            Seq = seq,
            Ack = ack,
            Flags = TcpFlags.Ack,
            Window = 512,
            Options = new TcpOptions { HasTimestamps = true, TsVal = 1 },
            Payload = new byte[10],
        }.ToArray();
        fixed (byte* bytes = frame)
        {
            Assert.Equal(1, toes.Cable.B.Send([new TxFrame { Header = bytes, HeaderLength = frame.Length }]));
        }
    }
}
