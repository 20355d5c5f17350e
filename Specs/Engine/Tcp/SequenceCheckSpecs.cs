using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class SequenceCheckSpecs
{
    // RFC 9293 3.10.7.4, table 6, against a transcription that counts octet by octet and knows nothing of modular subtraction.
    [Fact]
    public void The_acceptability_test_is_the_table_of_RFC_9293() => Seeded.Run(1, random =>
    {
        uint[] windows = [0, 0, 1, 2, 5, 1000, 65535, 1 << 30];
        int[] lengths = [0, 0, 1, 2, 5, 1000, 65535];
        for (int i = 0; i < 200_000; i++)
        {
            var rcvNxt = new SeqNum(random.Next(2) == 0 ? (uint)random.NextInt64(1L << 32) : (uint)random.Next(-3000, 3000));
            uint window = windows[random.Next(windows.Length)];
            int length = lengths[random.Next(lengths.Length)];
            long near = random.Next(3) switch
            {
                0 => random.Next(-4, 5),
                1 => window + random.Next(-4, 5),
                _ => random.NextInt64(-(1L << 31), 1L << 31),
            };
            var seq = new SeqNum((uint)(rcvNxt.Value + near - (random.Next(2) == 0 ? length : 0)));

            bool expected = Table6(seq.Value, length, rcvNxt.Value, window);
            bool actual = SequenceCheck.IsAcceptable(seq, length, rcvNxt, window);
            Assert.True(expected == actual, $"SEG.SEQ {seq} SEG.LEN {length} RCV.NXT {rcvNxt} RCV.WND {window}: expected {expected}");
        }
    });

    // RFC 9293 3.8.6.1: a zero window still accepts acknowledgements; the data is not taken and an acknowledgement is sent.
    [Fact]
    public void Data_into_a_closed_window_is_refused_and_answered_and_its_ACK_counts()
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Writes(1.s, 500);
        link.Sends(1.s, seq: 0, length: 500);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Receives(1.5.s, link.Data(seq: 1000, length: 1, ack: 500));
        Assert.Equal(VerdictKind.Dropped, link.Verdict.Kind);
        Assert.Equal(new SeqNum(Conversation.Ours + 500), link.V.SndUna);
        Assert.Equal(new SeqNum(Conversation.Theirs + 1000), link.V.RcvNxt);
        link.Sends(1.s + 40.ms, ack: 1000, window: 0);
        link.Sends(1.5.s, ack: 1000, window: 0);
    }

    // RFC 9293 3.10.7.4, first
    [Theory]
    [InlineData(-1000, 1000)]
    [InlineData(-1, 0)]
    [InlineData(20000, 10)]
    [InlineData(20001, 0)]
    public void A_segment_outside_the_window_is_answered_and_dropped(int seq, int length)
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq, length));
        Assert.Equal(VerdictKind.Dropped, link.Verdict.Kind);
        link.Sends(1.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
        Assert.Equal(1, link.Engine.Counters.DroppedSequence);
    }

    // RFC 9293 3.10.7.4, fifth
    [Fact]
    public void A_segment_without_ACK_is_dropped_in_silence()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 10) with { Flags = TcpFlags.Psh });
        Assert.Equal(VerdictKind.Dropped, link.Verdict.Kind);
        link.SendsNothing(until: 10.s);
        Assert.Equal(new SeqNum(Conversation.Theirs), link.V.RcvNxt);
    }

    private static bool Table6(uint seq, int length, uint rcvNxt, uint window)
    {
        // Offsets from RCV.NXT on a line that is cut open opposite to it.
        long first = Unwrapped(seq, rcvNxt);
        long last = Unwrapped((uint)(seq + length - 1), rcvNxt);
        if (length == 0)
        {
            return window == 0 ? first == 0 : 0 <= first && first < window;
        }

        return window != 0 && ((0 <= first && first < window) || (0 <= last && last < window));
    }

    private static long Unwrapped(uint seq, uint rcvNxt)
    {
        long distance = (long)seq - rcvNxt;
        return distance switch
        {
            >= 1L << 31 => distance - (1L << 32),
            < -(1L << 31) => distance + (1L << 32),
            _ => distance,
        };
    }
}
