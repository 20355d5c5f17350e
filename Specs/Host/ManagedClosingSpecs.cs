using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Managed;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>How connections of a managed stack end: RFC 9293 3.6, 3.10.4, 3.10.5 and 3.10.7.4.</summary>
public sealed class ManagedClosingSpecs
{
    private static readonly Microseconds TwoMsl = Microseconds.FromSeconds(60);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whoever_closes_first_has_TIME_WAIT(bool aClosesFirst)
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        (ManagedEnd first, ManagedEnd second) = aClosesFirst ? (a, b) : (b, a);

        first.Half.Close();
        Assert.Equal(TcpState.FinWait1, first.State);
        pair.Settle();
        Assert.Equal((TcpState.FinWait2, TcpState.CloseWait), (first.State, second.State));
        Assert.Equal(["end of input"], second.Told);

        second.Half.Close();
        Assert.Equal(TcpState.LastAck, second.State);
        pair.Settle();
        Assert.Equal((TcpState.TimeWait, TcpState.Closed), (first.StateInTable, second.StateInTable));
        Assert.Equal(["end of input", "closed"], first.Told);
        Assert.Equal(["end of input", "closed"], second.Told);

        pair.Pass(TwoMsl - Microseconds.FromSeconds(1));
        Assert.Equal(TcpState.TimeWait, first.StateInTable);
        pair.Pass(Microseconds.FromSeconds(2));
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
        Assert.Equal(0, pair.A.Wheel.Count + pair.B.Wheel.Count);
        Assert.Equal(0, pair.A.Pool.RentedBytes + pair.B.Pool.RentedBytes);
        Assert.DoesNotContain(pair.A.Tap.Sent.Concat(pair.B.Tap.Sent), segment => segment.Flags.HasFlag(TcpFlags.Rst));
    }

    [Fact]
    public void Both_close_at_once_and_both_have_TIME_WAIT()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();

        // RFC 9293 3.6, figure 13: the FINs cross.
        a.Half.Close();
        b.Half.Close();
        pair.A.Step();
        Assert.Equal(TcpState.Closing, a.State);
        pair.Settle();

        Assert.Equal((TcpState.TimeWait, TcpState.TimeWait), (a.StateInTable, b.StateInTable));
        pair.Pass(TwoMsl + Microseconds.FromSeconds(1));
        Assert.Equal(0, pair.A.Stack.Count + pair.B.Stack.Count);
    }

    [Fact]
    public void After_a_half_close_the_other_direction_goes_on()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Write("the request"u8);
        b.Half.ShutdownSend();
        pair.Settle();
        Assert.Equal("the request"u8.ToArray(), a.ReadAll());
        Assert.Equal((TcpState.CloseWait, TcpState.FinWait2), (a.State, b.State));

        byte[] answer = new byte[300_000];
        new Random(7).NextBytes(answer);
        a.Write(answer);
        a.Half.ShutdownSend();
        pair.Settle();

        Assert.Equal(answer, b.ReadAll(pair));
        Assert.Equal((TcpState.Closed, TcpState.TimeWait), (a.StateInTable, b.StateInTable));

        // Their applications have not left yet: the memory is still theirs.
        Assert.Equal(["end of input"], a.Told);
        a.Half.Close();
        b.Half.Close();
        Assert.Equal(["end of input", "closed"], a.Told);
        Assert.Equal(["end of input", "closed"], b.Told);
    }

    [Fact]
    public void A_FIN_waits_behind_what_is_queued_and_leaves_with_the_last_data()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        byte[] bytes = new byte[1_000_000];
        new Random(8).NextBytes(bytes);
        b.Write(bytes);
        b.Half.Close();
        pair.Settle();

        Assert.Equal(bytes, a.ReadAll(pair));
        Assert.Equal(["end of input"], a.Told);
        SentSegment fin = Assert.Single(pair.B.Tap.Sent, segment => segment.Flags.HasFlag(TcpFlags.Fin));
        Assert.True(fin.Length > 0);
        Assert.Equal(b.Half.Query().SndMax, fin.Seq + fin.Length + 1);
    }

    [Fact]
    public void A_FIN_fits_into_a_send_buffer_that_is_full()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        byte[] bytes = new byte[b.Send.Limit];
        b.Write(bytes);
        b.Half.Close();
        pair.Settle();
        int received = a.ReadAll().Length;
        for (int i = 0; i < 50 && a.Told.Count == 0; i++)
        {
            pair.Pass(Microseconds.FromMilliseconds(100));
            received += a.ReadAll().Length;
        }

        Assert.Equal(bytes.Length, received);
        Assert.Equal(["end of input"], a.Told);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_lost_FIN_is_sent_again(int losses)
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        int lost = 0;
        pair.B.Tap.Loses = segment => segment.Flags.HasFlag(TcpFlags.Fin) && lost++ < losses;

        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(10));

        Assert.Equal((TcpState.CloseWait, TcpState.FinWait2), (a.State, b.State));
        SentSegment[] fins = [.. pair.B.Tap.Sent.Where(segment => segment.Flags.HasFlag(TcpFlags.Fin))];
        Assert.Equal(losses + 1, fins.Length);
        Assert.All(fins, fin => Assert.Equal((fins[0].Seq, 0), (fin.Seq, fin.Length)));
    }

    [Fact]
    public void TIME_WAIT_acknowledges_a_FIN_that_comes_again_and_begins_anew()
    {
        using var pair = new ManagedPair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        b.Half.Close();
        pair.Settle();

        // The last ACK is lost, so A, in LAST-ACK, sends its FIN again.
        bool lostLast = false;
        pair.B.Tap.Loses = segment => segment.Is(TcpFlags.Ack) && !lostLast && (lostLast = true);
        a.Half.Close();
        pair.Settle();
        Assert.Equal((TcpState.LastAck, TcpState.TimeWait), (a.State, b.StateInTable));

        Microseconds began = pair.Now;
        while (a.StateInTable == TcpState.LastAck)
        {
            Assert.True(pair.StepToNextDeadline());
        }

        Assert.Equal(TcpState.Closed, a.StateInTable);
        Assert.True(pair.Now > began);
        Microseconds again = pair.Now;
        pair.Pass(began + TwoMsl + Microseconds.FromMilliseconds(10) - pair.Now);
        Assert.Equal(TcpState.TimeWait, b.StateInTable);
        pair.Pass(again + TwoMsl + Microseconds.FromMilliseconds(10) - pair.Now);
        Assert.Equal(TcpState.Closed, b.StateInTable);
    }

    [Fact]
    public void A_FIN_behind_lost_data_is_taken_when_the_data_has_come()
    {
        using var pair = new ManagedPair(new ManagedPairOptions
        {
            Link = new InMemoryLinkOptions { Capabilities = LinkCapabilities.None },
        });
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        bool lost = false;
        pair.B.Tap.Loses = segment => segment.Length > 0 && !lost && (lost = true);
        byte[] bytes = new byte[5000];
        new Random(9).NextBytes(bytes);

        b.Write(bytes);
        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(3));

        Assert.True(lost);
        Assert.Equal(bytes, a.ReadAll());
        Assert.Equal(["end of input"], a.Told);
        Assert.Equal(TcpState.FinWait2, b.State);
    }

    [Fact]
    public void FIN_WAIT_2_ends_by_itself_only_when_the_application_has_left()
    {
        using var pair = new ManagedPair();
        (ManagedEnd _, ManagedEnd b) = pair.Establish();
        b.Half.ShutdownSend();
        pair.Pass(Microseconds.FromSeconds(600));
        Assert.Equal(TcpState.FinWait2, b.State);

        b.Half.Close();
        pair.Pass(Microseconds.FromSeconds(61));

        Assert.Equal(TcpState.Closed, b.StateInTable);
        Assert.Equal(["closed"], b.Told);
    }

    [Fact]
    public void A_peer_that_vanishes_ends_the_connection_when_its_data_stays_unacknowledged()
    {
        using var pair = new ManagedPair();
        (ManagedEnd _, ManagedEnd b) = pair.Establish();
        pair.B.Tap.Loses = static _ => true;

        b.Write("lost"u8);
        while (b.Told.Count == 0)
        {
            Assert.True(pair.StepToNextDeadline());
        }

        Assert.Equal(["end of input TimedOut", "end of output TimedOut"], b.Told);
        Assert.Equal(TcpState.Closed, b.StateInTable);
        b.Half.Close();
        Assert.Equal("closed", b.Told[^1]);
    }

    [Fact]
    public void Data_and_FIN_that_come_before_the_start_are_there_after_it()
    {
        using var pair = new ManagedPair();
        Task<ManagedHalf> connecting = pair.Connect();
        pair.Settle();
        ManagedEnd b = pair.B.EndOf(connecting);
        b.Write("early"u8);
        b.Half.Close();
        pair.Settle();

        Assert.True(pair.Listener.TryAccept(out ManagedHalf? half));
        var a = new ManagedEnd(pair.A, half);
        pair.Settle();

        Assert.Equal("early"u8.ToArray(), a.ReadAll());
        Assert.Equal(["end of input"], a.Told);
        Assert.Equal((TcpState.CloseWait, TcpState.FinWait2), (a.State, b.State));
    }
}
