using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class TcpOptionsSpecs
{
    /// <summary>Each option or not, and none to four blocks.</summary>
    private static IEnumerable<TcpOptions> Combinations => Enumerable.Range(0, 16 * 5).Select(static combination => new TcpOptions
    {
        Mss = (combination & 1) != 0 ? 1460 : null,
        WindowScale = (combination & 2) != 0 ? 14 : null,
        SackPermitted = (combination & 4) != 0,
        HasTimestamps = (combination & 8) != 0,
        TsVal = (combination & 8) != 0 ? 1u : 0,
        TsEcr = (combination & 8) != 0 ? uint.MaxValue : 0,
        Sack = Wire.Sack(combination / 16),
    });

    [Fact]
    public void Every_combination_comes_back_as_it_was_written()
    {
        byte[] bytes = new byte[100];
        foreach (TcpOptions written in Combinations)
        {
            int length = written.WriteTo(bytes);
            Assert.Equal((written.EncodedLength, 0), (length, length % 4));
            TcpOptions read = TcpOptions.Parse(bytes.AsSpan(0, length));
            Assert.Equal((written.Mss, written.WindowScale, written.SackPermitted), (read.Mss, read.WindowScale, read.SackPermitted));
            Assert.Equal((written.HasTimestamps, written.TsVal, written.TsEcr), (read.HasTimestamps, read.TsVal, read.TsEcr));
            Assert.Equal((written.Sack.Count, false), (read.Sack.Count, read.Malformed));
            for (int i = 0; i < read.Sack.Count; i++)
            {
                Assert.Equal(written.Sack[i], read.Sack[i]);
            }
        }
    }

    // RFC 2018 3: kind 5, 8 * n + 2 bytes, the edges in network byte order.
    [Fact]
    public void SACK_blocks_are_written_edge_by_edge_behind_kind_and_length()
    {
        TcpOptions options = default;
        options.Sack.Add(new SackBlock(new SeqNum(0x01020304), new SeqNum(0x05060708)));
        options.Sack.Add(new SackBlock(new SeqNum(0xF0000000), new SeqNum(0xF0000001)));
        byte[] bytes = new byte[40];
        Assert.Equal(
            [1, 1, 5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 0xF0, 0, 0, 0, 0xF0, 0, 0, 1],
            bytes[..options.WriteTo(bytes)]);
    }

    [Fact]
    public void Timestamps_at_any_place_and_after_unknown_options_are_found()
    {
        TcpOptions options = TcpOptions.Parse([254, 4, 9, 9, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0]);
        Assert.Equal((true, 1u, 2u, false), (options.HasTimestamps, options.TsVal, options.TsEcr, options.Malformed));
    }

    // RFC 9293 3.2, MUST-64
    [Fact]
    public void An_option_may_begin_on_any_octet()
    {
        for (int before = 0; before < 12; before++)
        {
            TcpOptions options = TcpOptions.Parse([.. Enumerable.Repeat((byte)1, before), 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 4, 2]);
            Assert.Equal((true, 1u, 2u), (options.HasTimestamps, options.TsVal, options.TsEcr));
            Assert.True(options.SackPermitted);
        }
    }

    // RFC 9293 3.1, MUST-5
    [Theory]
    [InlineData(TcpFlags.Syn)]
    [InlineData(TcpFlags.Syn | TcpFlags.Ack)]
    [InlineData(TcpFlags.Ack)]
    [InlineData(TcpFlags.Ack | TcpFlags.Fin)]
    [InlineData(TcpFlags.Rst)]
    [InlineData(TcpFlags.None)]
    public void Options_are_read_in_any_segment(TcpFlags flags)
    {
        byte[] frame = new FrameBuilder
        {
            Flow = Wire.Flow(ipv4: true),
            Flags = flags,
            Options = new TcpOptions { Mss = 1000, WindowScale = 3, HasTimestamps = true, TsVal = 5, SackPermitted = true },
        }.ToArray();
        Assert.True(IpFrame.TryParse(frame, out IpFrame ip));
        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame), out TcpSegment segment));
        TcpOptions options = segment.Options;
        Assert.Equal(((ushort?)1000, (byte?)3, true), (options.Mss, options.WindowScale, options.SackPermitted));
        Assert.Equal((true, 5u), (options.HasTimestamps, options.TsVal));
    }

    // RFC 9293 3.1, MUST-68 and MUST-69: NOPs stand in front, so that there is neither an end of the list nor padding behind it.
    [Fact]
    public void What_is_written_are_NOPs_and_options_with_their_lengths_up_to_the_last_octet()
    {
        byte[] bytes = new byte[100];
        foreach (TcpOptions written in Combinations)
        {
            int length = written.WriteTo(bytes);
            int at = 0;
            while (at < length)
            {
                Assert.NotEqual(0, bytes[at]);
                at += bytes[at] == 1 ? 1 : bytes[at + 1];
            }

            Assert.Equal((length, 0), (at, length % 4));
        }
    }

    [Fact]
    public void Nothing_counts_after_the_end_of_the_list()
    {
        TcpOptions options = TcpOptions.Parse([0, 4, 2, 2]);
        Assert.Equal((false, false), (options.SackPermitted, options.Malformed));
    }

    [Theory]
    [InlineData(new byte[] { 4, 2, 8, 0 })]
    [InlineData(new byte[] { 4, 2, 8, 1 })]
    [InlineData(new byte[] { 4, 2, 8, 10, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 4, 2, 1, 2 })]
    [InlineData(new byte[] { 4, 2, 99, 255 })]
    public void An_option_that_does_not_fit_ends_the_list_and_what_stood_before_it_counts(byte[] list)
    {
        TcpOptions options = TcpOptions.Parse(list);
        Assert.Equal((true, true, false), (options.SackPermitted, options.Malformed, options.HasTimestamps));
    }

    [Theory]
    [InlineData(new byte[] { 2, 3, 5, 4, 2 })]
    [InlineData(new byte[] { 3, 4, 5, 5, 4, 2 })]
    [InlineData(new byte[] { 5, 9, 0, 0, 0, 0, 0, 0, 0, 4, 2 })]
    [InlineData(new byte[] { 8, 4, 0, 0, 4, 2 })]
    public void A_known_option_of_a_wrong_length_is_stepped_over(byte[] list)
    {
        TcpOptions options = TcpOptions.Parse(list);
        Assert.True(options.SackPermitted);
        Assert.Equal((null, null, 0, false), (options.Mss, options.WindowScale, options.Sack.Count, options.HasTimestamps));
    }

    [Fact]
    public void Random_lists_are_read_within_their_bounds()
    {
        var random = new Random(5);
        byte[] list = new byte[40];
        for (int run = 0; run < 100_000; run++)
        {
            Span<byte> bytes = list.AsSpan(0, random.Next(41));
            random.NextBytes(bytes);
            for (int i = 0; i < bytes.Length; i += random.Next(6) + 1)
            {
                bytes[i] = (byte)random.Next(12);
            }

            // A copy of its own: a read past the end would throw.
            TcpOptions options = TcpOptions.Parse(bytes.ToArray());
            Assert.InRange(options.Sack.Count, 0, 4);
        }
    }
}
