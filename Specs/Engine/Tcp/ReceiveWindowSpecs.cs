using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class ReceiveWindowSpecs
{
    // RFC 9293 3.8.6, SHLD-14
    [Fact]
    public void The_right_edge_stays_while_data_comes_in_and_the_application_does_not_read()
    {
        using Conversation link = new(receiveBuffer: 10_000);
        for (int i = 0; i < 10; i += 2)
        {
            link.Receives(1.s, link.Data(seq: i * 1000, length: 2000, count: 2));
            link.Sends(1.s, ack: (i + 2) * 1000, window: 10_000 - ((i + 2) * 1000));
        }
    }

    // RFC 9293 3.8.6.2.2
    [Fact]
    public void A_closed_window_opens_when_a_segment_or_half_the_buffer_fits()
    {
        using Conversation link = new(receiveBuffer: 10_000);
        link.Receives(1.s, link.Data(seq: 0, length: 10_000, count: 10));
        link.Sends(1.s, ack: 10_000, window: 0);
        link.Reads(2.s, 500);
        link.Reads(2.s, 499);
        link.SendsNothing(until: 3.s);
        link.Reads(3.s, 1);
        link.Sends(3.s, ack: 10_000, window: 1000);
    }

    [Fact]
    public void Half_of_a_buffer_smaller_than_two_segments_is_enough()
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s + 40.ms, window: 0);
        link.Reads(2.s, 499);
        link.SendsNothing();
        link.Reads(2.s, 1);
        link.Sends(2.s, ack: 1000, window: 500);
    }

    [Fact]
    public void A_reader_that_follows_closely_causes_no_window_updates()
    {
        using Conversation link = new(receiveBuffer: 100_000, connection: Setup.Connection with { ReceiveWindowScale = 2 });
        for (int i = 0; i < 20; i++)
        {
            link.Receives(1.s, link.Data(seq: i * 2000, length: 2000, count: 2));
            link.Reads(1.s, 2000);
        }

        Assert.Equal(20, link.Forgets());
    }

    // RFC 7323 2.2
    [Fact]
    public void Windows_are_scaled_in_both_directions()
    {
        using Conversation link = new(
            Setup.Connection with { SendWindowScale = 3, ReceiveWindowScale = 5 }, receiveBuffer: 1 << 20, window: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        Assert.Equal(8000u, link.V.SndWnd);
        link.Sends(1.s, window: ((1 << 20) - 2000) >> 5);
    }

    // RFC 7323 2.3: the field counts units of 128 bytes. What was promised is rounded up where there is room, and else down.
    [Theory]
    [InlineData(1000u, 1500, 1024u, 8)]
    [InlineData(1024u, 1500, 1024u, 8)]
    [InlineData(1000u, 1000, 1000u, 7)]
    public void What_was_promised_is_said_in_full_where_there_is_room(uint promised, int room, uint expected, int field)
    {
        SegmentVariants variants = Setup.Variants(default, default, 0, promised);
        Assert.Equal(field, new WindowAdvertisement(room, limit: 100_000, mss: 1448, shift: 7).Offer(ref variants));
        Assert.Equal(expected, variants.RcvWnd);
    }

    // RFC 9293 3.8.6.2.2: with a limit of less than two bytes half of it is nothing, which is no step.
    [Fact]
    public void A_window_that_cannot_open_is_no_news()
    {
        SegmentVariants variants = Setup.Variants(default, default, 0, 0);
        Assert.False(new WindowAdvertisement(room: 0, limit: 1, mss: 1448, shift: 0).IsUpdateDue(variants));
        Assert.True(new WindowAdvertisement(room: 1, limit: 1, mss: 1448, shift: 0).IsUpdateDue(variants));
    }

    // RFC 9293 3.1, MUST-1 and REC-1; RFC 7323 2.3
    [Theory]
    [InlineData(0x7fff, 0)]
    [InlineData(0x8000, 0)]
    [InlineData(0xffff, 0)]
    [InlineData(0xffff, 14)]
    public void Windows_are_unsigned_up_to_a_gigabyte(int field, byte shift)
    {
        using Conversation link = new(
            Setup.Connection with { SendWindowScale = shift, ReceiveWindowScale = shift },
            variants: v => v with { CongestionWindow = int.MaxValue, RcvWnd = (uint)field << shift },
            window: 1);
        link.Receives(1.s, link.Ack(window: field));
        Assert.Equal((uint)field << shift, link.V.SndWnd);
        link.Writes(1.s, 100_000);
        long sent = link.V.Flight;
        Assert.InRange(sent, Math.Min(100_000, link.V.SndWnd - Conversation.Mss), Math.Min(100_000, link.V.SndWnd));
        link.Forgets();

        // Ours: at the far end of it a segment is acceptable still.
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Ack(seq: (field << shift) - 1)));
    }

    // RFC 7323 2.2, RFC 9293 3.2: the options of the handshake are those of a SYN.
    [Fact]
    public void Options_of_the_handshake_mean_nothing_in_a_later_segment()
    {
        using Conversation link = new(Setup.Connection with { SendWindowScale = 1 }, window: 1000);
        link.Receives(1.s, link.Ack(window: 5000) with { WindowScale = 14, Mss = 100 });
        Assert.Equal(10_000u, link.V.SndWnd);
        link.Writes(1.s, 3000);
        link.Sends(1.s, length: 3000, segmentSize: Conversation.Mss);
    }

    // RFC 7323 2.4: what the field cannot say is honoured all the same.
    [Fact]
    public void Data_up_to_the_furthest_edge_ever_offered_is_taken_when_the_field_falls_short_of_it()
    {
        using Conversation link = new(Setup.Connection with { ReceiveWindowScale = 7 });
        link.Receives(1.s, link.Data(seq: 0, length: 50), link.Data(seq: 50, length: 50));
        Assert.True(100 + (link.Sends(1.s, ack: 100).Window << 7) < 20_000);
        link.Receives(1.s, link.Data(seq: 100, length: 19_900, count: 20));
        Assert.Equal(new SeqNum(Conversation.Theirs + 20_000), link.V.RcvNxt);
        link.Reads(1.s, 20_000);
    }

    // RFC 9293 3.8.6, RFC 7323 2.4: whatever arrives and is read, the edge that we honour never moves left, what we say is never more than
    // the buffer has room for, and what we say moves left by less than a unit of the scale.
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(14)]
    public void The_edge_never_moves_left(int shift) => Seeded.Run(shift + 1, random =>
    {
        const int Limit = 1 << 20;
        SegmentVariants variants = Setup.Variants(default, new SeqNum(uint.MaxValue - 5000), 0, 0);
        int unread = 0;
        long total = 0;
        SeqNum edge = variants.RcvNxt;
        SeqNum said = variants.RcvNxt;
        for (int i = 0; i < 100_000; i++)
        {
            int arrived = (int)Math.Min(variants.RcvWnd, random.Next(3) == 0 ? 1 : random.Next(70_000));
            variants.RcvNxt += arrived;
            variants.RcvWnd -= (uint)arrived;
            unread += arrived;
            total += arrived;
            unread -= random.Next(2) == 0 ? 0 : random.Next(unread + 1);

            ushort field = new WindowAdvertisement(Limit - unread, Limit, 1448, shift).Offer(ref variants);
            SeqNum now = variants.RcvNxt + variants.RcvWnd;
            Assert.True(now >= edge);
            SeqNum saidNow = variants.RcvNxt + ((uint)field << shift);
            Assert.True(saidNow <= now && saidNow - said > -(1 << shift), $"{said} became {saidNow}");
            Assert.True(unread + (int)variants.RcvWnd <= Limit, $"{unread} unread and a window of {variants.RcvWnd}");
            edge = now;
            said = SeqNum.Max(said, saidNow);
        }

        Assert.True(total > 100 * Limit);
    });
}
