using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>The patent's PUSH timer, which it names and does not define.</summary>
public class PushTimerSpecs
{
    [Fact]
    public void Data_with_PSH_wakes_the_application_at_once()
    {
        using Conversation link = new();
        link.ReceiveBuffer.Requested = 5000;
        link.Receives(1.s, link.Data(seq: 0, length: 10, flags: TcpFlags.Psh));
        Assert.Equal(1, link.Deliveries);
        link.GoTo(2.s);
        Assert.Equal(1, link.Deliveries);
    }

    [Fact]
    public void Data_that_fills_the_request_wakes_the_application_at_once()
    {
        using Conversation link = new();
        link.ReceiveBuffer.Requested = 1500;
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        Assert.Equal(0, link.Deliveries);
        link.Receives(1.s, link.Data(seq: 1000, length: 500));
        Assert.Equal(1, link.Deliveries);
    }

    // More than half of what may wait need not come before the window closes.
    [Fact]
    public void Half_of_what_may_wait_is_enough_for_any_request()
    {
        using Conversation link = new();
        link.ReceiveBuffer.Requested = int.MaxValue;
        int half = link.ReceiveBuffer.Allowance / 2;
        for (int received = 0; received + 1 < half;)
        {
            int length = Math.Min(10_000, half - 1 - received);
            link.Receives(1.s, link.Data(seq: received, length: length));
            received += length;
        }

        Assert.Equal(0, link.Deliveries);
        link.Receives(1.s, link.Data(seq: half - 1, length: 1));
        Assert.Equal(1, link.Deliveries);
    }

    // Woken once for what has come, and not by each segment that follows.
    [Fact]
    public void An_acknowledgement_wakes_nobody()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 10, flags: TcpFlags.Psh));
        link.Receives(1.s, link.Ack(seq: 10));
        Assert.Equal(1, link.Deliveries);
    }

    [Fact]
    public void Data_without_PSH_that_does_not_fill_the_request_waits_for_the_timer()
    {
        using Conversation link = new();
        link.ReceiveBuffer.Requested = 5000;
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.GoTo(1.s + 5.ms - 1.us);
        Assert.Equal(0, link.Deliveries);
        link.GoTo(1.s + 5.ms);
        Assert.Equal(1, link.Deliveries);
    }

    [Fact]
    public void Data_from_behind_a_hole_has_waited_enough()
    {
        using Conversation link = new();
        link.ReceiveBuffer.Requested = 5000;
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        Assert.Equal(0, link.Deliveries);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        Assert.Equal(1, link.Deliveries);
    }
}
