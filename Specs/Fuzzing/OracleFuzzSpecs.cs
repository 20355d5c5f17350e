using PacketDotNet.Tcp;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Fuzzing;

/// <summary>PacketDotNet reads the same frames: what both take for a TCP segment has to say the same, and the rest has a reason by an RFC.</summary>
public sealed class OracleFuzzSpecs(ITestOutputHelper output)
{
    private const int Frames = 250_000;
    private const string Both = "read by both";
    private const string Neither = "read by neither";
    private const string NotAsked = "not asked about: extension headers, other protocols";
    private const string Ours = "read by us alone";
    private const string WrongChecksum = "checksum wrong by both";
    private const string Tagged = "with a tag by both";
    private const string OptionsRead = "options read by both";
    private const string OptionsMalformed = "RFC 9293 3.1, MUST-7: options of a wrong length, or bytes behind the end of the list";
    private const string OptionsUnderUrg = "options beside URG, which PacketDotNet does not read";

    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    [Fact]
    public void What_PacketDotNet_reads_in_a_mangled_frame_is_what_we_read()
    {
        ulong seed = Replay.NamedSeed ?? 0xF022_0005;
        FrameMutator mutator = new(seed);
        SegmentVariants v = SegmentVariants.Quiet with { SndMax = new SeqNum(5000), RcvWnd = 60_000, TsRecent = 100 };
        byte[] place = new byte[FrameMutator.Longest];
        for (int i = 0; i < Frames; i++)
        {
            byte[] frame = place[..mutator.Write(place, Flows.Of(i % FuzzedToe.Connections), v)];
            try
            {
                Count(Compare(frame));
            }
            catch (Exception failure)
            {
                Assert.Fail(
                    $"{failure}\nFrame {i}. {Replay.Command($"~{nameof(OracleFuzzSpecs)}", $"0x{seed:X}")}{Convert.ToHexString(frame)}");
            }
        }

        foreach ((string what, int count) in _counts)
        {
            output.WriteLine($"{count,8} {what}");
        }

        // Enough of each was compared that a difference would be seen.
        Assert.InRange(CountOf(Both), Frames / 2, Frames);
        Assert.InRange(CountOf(WrongChecksum), Frames / 100, Frames);
        Assert.InRange(CountOf(Tagged), Frames / 100, Frames);
        Assert.InRange(CountOf(OptionsRead), Frames / 3, Frames);
        Assert.Equal(0, CountOf(Ours));
    }

    private string Compare(byte[] frame)
    {
        if (!OracleReading.MayAsk(frame))
        {
            return NotAsked;
        }

        OracleReading? theirs = OracleReading.Of(frame);
        TcpSegment ours = default;
        bool isOurs = IpFrame.TryParse(frame, out IpFrame ip) && !ip.IsFragment && ip.Protocol == IpPacket.Tcp
            && TcpSegment.TryParse(ip.PayloadOf(frame), out ours);
        if (theirs is null)
        {
            return isOurs ? Ours : Neither;
        }

        if (!isOurs)
        {
            string? reason = theirs.ReasonToRefuse;
            Rule.Holds(reason is not null, "a segment that PacketDotNet reads, and no RFC forbids, is taken");
            return reason!;
        }

        AssertSame(frame, ip, ours, theirs);
        CompareOptions(ours, theirs);
        return Both;
    }

    private void AssertSame(byte[] frame, in IpFrame ip, in TcpSegment ours, OracleReading theirs)
    {
        Rule.Holds(theirs.ReasonToRefuse is null, $"what is taken may be: {theirs.ReasonToRefuse}");
        MacEncapsulation tag = theirs.Tag is { } read
            ? new MacEncapsulation(IsTagged: true, read.VlanIdentifier, (byte)read.PriorityControlPoint)
            : MacEncapsulation.EthernetII;
        AssertEqual(tag, ip.Encapsulation, "tag");
        if (tag.IsTagged)
        {
            Count(Tagged);
        }

        AssertEqual(theirs.Ip.SourceAddress.ToString(), ip.SourceAddress.ToString(), "source");
        AssertEqual(theirs.Ip.DestinationAddress.ToString(), ip.DestinationAddress.ToString(), "destination");
        AssertEqual(theirs.Ip.TimeToLive, ip.Ttl, "TTL");
        var segment = theirs.Segment;
        AssertEqual((segment.SourcePort, segment.DestinationPort), (ours.SourcePort, ours.DestinationPort), "ports");
        AssertEqual((segment.SequenceNumber, segment.AcknowledgmentNumber), (ours.Seq.Value, ours.Ack.Value), "numbers");

        // The ninth bit was NS, which RFC 8311 3.1 has given back.
        AssertEqual(segment.Flags & 0xff, (int)ours.Flags, "flags");
        AssertEqual((segment.WindowSize, (ushort)segment.UrgentPointer), (ours.Window, ours.UrgentPointer), "window and urgent pointer");
        AssertEqual(segment.DataOffset * 4, ip.PayloadLength - ours.Payload.Length, "header's length");
        AssertEqual(theirs.PayloadLength, ours.Payload.Length, "payload");
        bool isRight = ip.Packet.HasValidChecksum(ip.PayloadOf(frame));
        AssertEqual(theirs.IsChecksumRight, isRight, "checksum");
        if (!isRight)
        {
            Count(WrongChecksum);
        }
    }

    private void CompareOptions(in TcpSegment ours, OracleReading theirs)
    {
        if (ours.Has(TcpFlags.Urg))
        {
            Count(OptionsUnderUrg);
            return;
        }

        List<TcpOption>? options = theirs.Options;
        if (options is null || !options.TrueForAll(HasItsLength))
        {
            Count(OptionsMalformed);
            return;
        }

        Count(OptionsRead);
        Rule.Holds(!ours.Options.Malformed, "a list whose options are whole is");
        TimeStampOption? timestamps = options.OfType<TimeStampOption>().LastOrDefault();
        AssertEqual(timestamps is not null, ours.Options.HasTimestamps, "presence of timestamps");
        AssertEqual((timestamps?.Value ?? 0, timestamps?.EchoReply ?? 0), (ours.Options.TsVal, ours.Options.TsEcr), "timestamps");
        AssertEqual(options.OfType<MaximumSegmentSizeOption>().LastOrDefault()?.Value, ours.Options.Mss, "MSS");
        AssertEqual(options.OfType<WindowScaleFactorOption>().LastOrDefault()?.ScaleFactor, ours.Options.WindowScale, "window scale");
        AssertEqual(options.OfType<SelectiveAcknowledgmentPermittedOption>().Any(), ours.Options.SackPermitted, "SACK permitted");
        byte[] sack = options.OfType<SelectiveAcknowledgmentOption>().LastOrDefault()?.Bytes ?? [0, 2];
        AssertEqual((sack.Length - 2) / 8, ours.Options.Sack.Count, "number of blocks");
        for (int i = 0; i < ours.Options.Sack.Count; i++)
        {
            ReadOnlySpan<byte> block = sack.AsSpan(2 + (8 * i), 8);
            AssertEqual(Convert.ToHexString(block), $"{ours.Options.Sack[i].Left.Value:X8}{ours.Options.Sack[i].Right.Value:X8}", "block");
        }
    }

    /// <summary>RFC 9293 3.2, RFC 7323 2.2 and 3.2, RFC 2018 2 and 3.</summary>
    private static bool HasItsLength(TcpOption option) => option switch
    {
        TimeStampOption => option.Length == 10,
        MaximumSegmentSizeOption => option.Length == 4,
        WindowScaleFactorOption => option.Length == 3,
        SelectiveAcknowledgmentPermittedOption => option.Length == 2,
        SelectiveAcknowledgmentOption => option.Length is 10 or 18 or 26 or 34,
        _ => true,
    };

    private void Count(string what) => _counts[what] = CountOf(what) + 1;

    private int CountOf(string what) => _counts.GetValueOrDefault(what);

    private static void AssertEqual<T>(T theirs, T ours, string what) =>
        Rule.Holds(EqualityComparer<T>.Default.Equals(theirs, ours), $"the {what}: PacketDotNet reads {theirs}, we read {ours}");
}
