using System.Buffers.Binary;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>
/// Fragments are the host's to reassemble: a connection that cannot go on without asks for an upload, and nobody who is not on the path can
/// make it ask (RFC 5961 1, RFC 9293 3.10.7.4).
/// </summary>
public sealed class FragmentSpecs : TestKit
{
    private const ushort MoreFragments = 0x2000;

    private readonly TwoToes _toes;

    public FragmentSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "fragments", output)
    {
        _toes = new TwoToes(Sys, TestActor, TestActor);
        _toes.Offload();
        ReceiveN(2);
    }

    private SeqNum RcvNxt => _toes.A.Slot.Read(out _).RcvNxt;

    [Fact]
    public void A_segment_that_comes_in_fragments_again_when_it_is_next_is_the_hosts()
    {
        Fragment(RcvNxt, MoreFragments);
        ExpectNoMsg(TimeSpan.Zero);
        Fragment(RcvNxt, MoreFragments);
        Assert.Equal(UploadReason.Fragments, ExpectMsg<Toe.Event.UploadRequested>().Reason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(1000)]
    [InlineData(65535)]
    [InlineData(1 << 30)]
    public void Fragments_anywhere_but_at_RCV_NXT_move_nothing(int distance)
    {
        for (int i = 0; i < 100; i++)
        {
            Fragment(RcvNxt + distance, MoreFragments);
        }

        ExpectNoMsg(TimeSpan.Zero);
    }

    // RFC 791 3.2: what stands where the first fragment has the TCP header is payload in a later one.
    [Theory]
    [InlineData(1)]
    [InlineData(MoreFragments | 1)]
    [InlineData(MoreFragments | 185)]
    public void What_looks_like_a_header_in_a_later_fragment_moves_nothing(int flagsAndOffset)
    {
        for (int i = 0; i < 100; i++)
        {
            Fragment(RcvNxt, (ushort)flagsAndOffset);
        }

        ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public void Fragments_that_hold_nothing_up_move_nothing()
    {
        for (int i = 0; i < 100; i++)
        {
            SeqNum before = RcvNxt;
            Fragment(before, MoreFragments);
            _toes.B.Write([1]);
            _toes.Settle();

            // With Nagle's algorithm it waits for the delayed ACK of the byte before.
            while (RcvNxt == before)
            {
                Assert.True(_toes.StepToNextDeadline(_toes.Now + Microseconds.FromSeconds(1)));
            }
        }

        ExpectNoMsg(TimeSpan.Zero);
    }

    protected override void Dispose(bool disposing)
    {
        _toes.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>A receives a fragment in the name of B.</summary>
    private unsafe void Fragment(SeqNum seq, ushort flagsAndOffset)
    {
        byte[] frame = new FrameBuilder
        {
            SourceMac = _toes.Cable.B.Address,
            DestinationMac = _toes.Cable.A.Address,
            Flow = _toes.B.Entry.Connection.Flow,
            Seq = seq,
            Flags = TcpFlags.Ack,
            Payload = new byte[100],
        }.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(20), flagsAndOffset);
        Engine.Wire.Wire.Fixed(frame);
        fixed (byte* bytes = frame)
        {
            Assert.Equal(1, _toes.Cable.B.Send([new TxFrame { Header = bytes, HeaderLength = frame.Length }]));
        }

        _toes.Settle();
    }
}
