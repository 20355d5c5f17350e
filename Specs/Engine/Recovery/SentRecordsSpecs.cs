using CsCheck;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Specs.Properties;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

public class SentRecordsSpecs
{
    /// <summary>What one step does; the numbers mean what the step makes of them.</summary>
    private sealed record Step(Act Act, int A, int B, int C);

    private sealed record Walk(Step[] Steps)
    {
        public override string ToString() => string.Join(Environment.NewLine, Steps.Select(static step => step.ToString()));
    }

    private enum Act
    {
        Send,
        Acknowledge,
        Report,
        Detect,
        Resend,
        MarkFirst,
        MarkOld,
        Unmark,
        Renege,
    }

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Enum<Act>(), Gen.Int[0, 40], Gen.Int[0, 12], Gen.Int[0, 12], (act, a, b, c) => new Step(act, a, b, c));

    [Fact]
    [Trait("Duration", "Long")]
    public void They_agree_with_an_array_of_octets_whatever_happens() => Property.Holds(
        Steps.Array[1, 60].Select(static steps => new Walk(steps)),
        seed: 0x5EED_4400,
        count: 20_000,
        walk =>
        {
            SentRecordsModel model = new();
            foreach (Step step in walk.Steps)
            {
                Take(model, step);
                model.Check();
            }
        });

    // RFC 2018 3 lets a sender leave a report aside: memory is bounded whatever a peer reports.
    [Fact]
    public void A_peer_that_reports_every_second_byte_gets_no_more_than_the_most_records()
    {
        SentRecords records = Sent(100_000, segment: 1000);
        AckContext context = new SentRecordsModel().Context;
        for (uint i = 1; i < 100_000; i += 2)
        {
            AckResult result = AckResult.Nothing;
            SackBlocks blocks = default;
            blocks.Add(new SackBlock(new SeqNum(i), new SeqNum(i + 1)));
            records.OnAck(new SeqNum(0), blocks, context, ref result);
            Assert.True(records.Count <= SentRecords.Most);
        }

        Assert.Equal(100_000u, records.InFlight + records.Sacked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_sent_when_there_are_the_most_records_is_in_flight_even_behind_bytes_that_were_reported(bool isRestLost)
    {
        // The first has three bytes, the others one, and every second one is reported.
        SentRecords records = new();
        RateVariants rate = RateVariants.Quiet;
        records.Restart(new SeqNum(0), new SeqNum(0), new SeqNum(0), Microseconds.Zero);
        records.OnSent(new SeqNum(0), new SeqNum(3), new Microseconds(1), ref rate);
        AckContext context = new SentRecordsModel().Context;
        AckResult result = AckResult.Nothing;
        for (uint i = 3; i < SentRecords.Most; i++)
        {
            records.OnSent(new SeqNum(i), new SeqNum(i + 1), new Microseconds(1), ref rate);
            SackBlocks blocks = default;
            blocks.Add(new SackBlock(new SeqNum(i), new SeqNum(i + (i % 2))));
            records.OnAck(new SeqNum(0), blocks, context, ref result);
        }

        // The rest is lost or in flight, and the first two bytes are sent again one by one: there are the most records, the last of them reported.
        records.MarkLost(isRestLost ? new Microseconds(1) : Microseconds.Zero);
        records.OnSent(new SeqNum(0), new SeqNum(1), new Microseconds(2), ref rate);
        records.OnSent(new SeqNum(1), new SeqNum(2), new Microseconds(3), ref rate);
        (uint inFlight, uint sacked, uint lost) = (records.InFlight, records.Sacked, records.Lost);
        Assert.Equal((SentRecords.Most, true), (records.Count, records[records.Count - 1].Is(SentFlags.Sacked)));
        records.OnSent(records.End, records.End + 1000, new Microseconds(5), ref rate);
        Assert.Equal((inFlight + 1000, sacked, lost), (records.InFlight, records.Sacked, records.Lost));
        records.OnAck(records.End, default, context, ref result);
        Assert.Equal((0u, 0u, 0u), (records.InFlight, records.Sacked, records.Lost));
    }

    [Fact]
    public void Neighbours_that_are_all_lost_are_one_record()
    {
        SentRecords records = Sent(5000, segment: 5);
        Assert.Equal(1000, records.Count);
        records.MarkLost(new Microseconds(1));
        Assert.Equal(1, records.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Neighbours_that_are_all_reported_are_one_record(bool isBackwards)
    {
        SentRecords records = Sent(5000, segment: 5);
        AckContext context = new SentRecordsModel().Context;
        for (uint i = 0; i < 5000; i += 5)
        {
            uint at = isBackwards ? 4995 - i : i;
            AckResult result = AckResult.Nothing;
            SackBlocks blocks = default;
            blocks.Add(new SackBlock(new SeqNum(at), new SeqNum(at + 5)));
            records.OnAck(new SeqNum(0), blocks, context, ref result);
        }

        Assert.Equal((1, 5000u), (records.Count, records.Sacked));
    }

    [Fact]
    public void The_array_never_takes_more_than_twice_the_most_records()
    {
        // A window that moves on: what was acknowledged makes room.
        SentRecords records = Sent(SentRecords.Most, segment: 1);
        RateVariants rate = RateVariants.Quiet;
        AckContext context = new SentRecordsModel().Context;
        for (uint i = 1; i <= 3 * SentRecords.Most; i++)
        {
            AckResult result = AckResult.Nothing;
            records.OnAck(new SeqNum(i), default, context, ref result);
            records.OnSent(records.End, records.End + 1, new Microseconds(5), ref rate);
        }

        Assert.Equal(SentRecords.Most, records.Count);
        Assert.True(records.Capacity <= 2 * SentRecords.Most, $"{records.Capacity}");
    }

    // What is compared with must not fall so far behind that sequence numbers have gone half round.
    [Fact]
    public void Gigabytes_in_order_are_no_sign_of_reordering()
    {
        SentRecords records = Sent(0, segment: 1);
        RateVariants rate = RateVariants.Quiet;
        AckContext context = new SentRecordsModel().Context;
        for (int i = 0; i < 8; i++)
        {
            AckResult result = AckResult.Nothing;
            records.OnSent(records.End, records.End + (1 << 30), new Microseconds(1), ref rate);
            records.OnAck(records.End, default, context, ref result);
            Assert.False(result.IsReordered);
        }
    }

    private static SentRecords Sent(int bytes, int segment)
    {
        SentRecords records = new();
        RateVariants rate = RateVariants.Quiet;
        records.Restart(new SeqNum(0), new SeqNum(0), new SeqNum(0), Microseconds.Zero);
        for (int at = 0; at < bytes; at += segment)
        {
            records.OnSent(new SeqNum((uint)at), new SeqNum((uint)(at + segment)), new Microseconds(1), ref rate);
        }

        return records;
    }

    private static void Take(SentRecordsModel model, Step step)
    {
        switch (step.Act)
        {
            case Act.Send:
                model.Send(1 + step.B, later: step.C / 3);
                break;
            case Act.Acknowledge:
                model.Acknowledge(step.A / 2, []);
                break;
            case Act.Report:
                model.Acknowledge(step.C / 4, [(step.A - 3, step.A - 3 + step.B), (step.C, step.C + step.B)]);
                break;
            case Act.Detect:
                model.Detect(step.B);
                break;
            case Act.Resend:
                model.Resend(1 + step.B, later: step.C / 3);
                break;
            case Act.MarkFirst:
                model.MarkFirstLost(1 + step.B);
                break;
            case Act.MarkOld:
                model.MarkOldLost(step.C);
                break;
            case Act.Unmark:
                model.Unmark();
                break;
            case Act.Renege:
                model.Renege();
                break;
        }
    }
}
