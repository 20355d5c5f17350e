using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using Xunit;

namespace TcpActors.Specs.Host.Policy;

/// <summary>What becomes of wishes: the same for every policy.</summary>
public sealed class OffloadBookSpecs
{
    private const double Period = 10;

    private readonly List<PolicyMove> _moves = [];

    [Fact]
    public void A_wish_is_a_move_and_what_is_so_already_is_none()
    {
        var line = new Line(OffloadPolicies.Always);
        Assert.Equal(["1 offload"], line.Ask(1, at: 0));
        Assert.Empty(line.Ask(1, at: 100));
    }

    [Fact]
    public void A_connection_stays_for_a_period_where_it_was_moved_to_whoever_moved_it()
    {
        var line = new Line(new Wishful { Wish = Wish.Offload });
        line.Ask(1, at: 0);
        line.Book.Moved(new ConnectionId(1), "toe", Seconds(0.5));
        line.Wishful.Wish = Wish.Upload;
        Assert.Empty(line.Ask(1, at: 10.4));
        Assert.Equal(["1 upload"], line.Ask(1, at: 10.5));

        // The TOE has had to give it back, at 20.
        line.Book.Moved(new ConnectionId(1), null, Seconds(20));
        line.Wishful.Wish = Wish.Offload;
        Assert.Empty(line.Ask(1, at: 29.9));
        Assert.Equal(["1 offload"], line.Ask(1, at: 30));
    }

    [Fact]
    public void What_was_refused_is_tried_again_later_each_time()
    {
        var line = new Line(OffloadPolicies.Always);
        var tried = new List<double>();
        for (double at = 0; at < 4000; at += 1)
        {
            if (line.Ask(1, at).Length > 0)
            {
                tried.Add(at);
                line.Book.NotMoved(new ConnectionId(1), toToe: true, Seconds(at));
            }
        }

        Assert.Equal([0, 20, 60, 140, 300, 620, 1260, 1900, 2540, 3180, 3820], tried);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_connection_that_is_taken_in_hand_keeps_its_place_once(bool isThere)
    {
        var line = new Line(OffloadPolicies.Always, capacity: 2);
        line.Ask(1, at: 0);
        if (isThere)
        {
            line.Book.Moved(new ConnectionId(1), "toe", Seconds(0));
        }

        line.Book.TakeInHand(new ConnectionId(1));
        if (!isThere)
        {
            line.Book.MovedByHand(from: null, "toe");
        }

        Assert.Equal(["2 offload"], line.Ask(2, at: 1));
        Assert.Empty(line.Ask(3, at: 1));
        Assert.Empty(line.Review(at: 2));
        line.Book.MovedByHand("toe", to: null);
        line.Ask(3, at: 3);
        Assert.Equal(["3 offload"], line.Review(at: 4));
    }

    [Theory]
    [InlineData(TcpState.CloseWait, false, false)]
    [InlineData(TcpState.Established, true, false)]
    [InlineData(TcpState.Established, false, true)]
    public void A_connection_that_ends_is_not_offloaded(TcpState state, bool input, bool output)
    {
        var line = new Line(OffloadPolicies.Always);
        ConnectionStatistics known = Known.Connection(0, Known.Exchange);
        line.Book.Ask(new ConnectionId(1), known with { State = known.State with { Tcp = state, IsInputEnded = input, IsOutputEnded = output } }, _moves);
        Assert.Empty(_moves);
    }

    [Fact]
    public void No_more_are_offloaded_than_the_TOE_takes_those_moved_by_hand_counted()
    {
        var line = new Line(OffloadPolicies.Always, capacity: 3);
        line.Book.TakeInHand(new ConnectionId(1));
        line.Book.MovedByHand(from: null, "toe");
        Assert.Equal(["2 offload"], line.Ask(2, at: 1));
        Assert.Equal(["3 offload"], line.Ask(3, at: 1));
        Assert.Empty(line.Ask(4, at: 1));
        Assert.Empty(line.Review(at: 2));

        // One ends, one is offered a place again.
        line.Book.Forget(new ConnectionId(2));
        line.Ask(4, at: 3);
        Assert.Equal(["4 offload"], line.Review(at: 3.5));
    }

    [Fact]
    public void Where_places_are_short_priority_comes_first_and_then_worth()
    {
        var line = new Line(new Wishful { Wish = Wish.Offload }, capacity: 2);
        line.Ask(1, at: 0, worth: 10);
        line.Ask(2, at: 0, worth: 20);
        line.Book.Moved(new ConnectionId(1), "toe", Seconds(0));
        line.Book.Moved(new ConnectionId(2), "toe", Seconds(0));
        Assert.Empty(line.Ask(3, at: 11, worth: 39));
        Assert.Empty(line.Ask(4, at: 11, worth: 19));

        // Not twice as much as the least: nobody moves.
        Assert.Empty(line.Ask(5, at: 11, worth: 15));
        line.Book.Forget(new ConnectionId(3));
        Assert.Empty(line.Review(at: 11.5));

        // The highest gets the place of the lowest, once that is back.
        line.Ask(4, at: 12, worth: 19);
        line.Ask(6, at: 12, worth: 1, priority: 1);
        line.Ask(7, at: 12, worth: 1000);
        Assert.Equal(["1 upload", "2 upload"], line.Review(at: 12));
        line.Book.Moved(new ConnectionId(1), null, Seconds(12.1));
        Assert.Empty(line.Ask(4, at: 12.2, worth: 19));
        Assert.Empty(line.Ask(7, at: 12.2, worth: 1000));
        Assert.Empty(line.Ask(6, at: 12.2, worth: 1, priority: 1));
        Assert.Equal(["6 offload"], line.Review(at: 13));
        line.Book.Moved(new ConnectionId(2), null, Seconds(13.1));
        line.Ask(4, at: 13.2, worth: 19);
        line.Ask(7, at: 13.2, worth: 1000);
        Assert.Equal(["7 offload"], line.Review(at: 14));
    }

    [Fact]
    public void Nobody_loses_his_place_within_a_period()
    {
        var line = new Line(new Wishful { Wish = Wish.Offload }, capacity: 1);
        line.Ask(1, at: 0, worth: 1);
        line.Book.Moved(new ConnectionId(1), "toe", Seconds(0));
        line.Ask(2, at: 9.9, worth: 1000);
        Assert.Empty(line.Review(at: 9.95));
        line.Ask(2, at: 10.9, worth: 1000);
        Assert.Equal(["1 upload"], line.Review(at: 10.95));
    }

    [Fact]
    public void A_connection_is_asked_about_with_what_it_has_done_since_it_was_moved()
    {
        var policy = new Wishful { Wish = Wish.Offload };
        var line = new Line(policy);
        line.Book.Ask(new ConnectionId(1), Known.Connection(0, Known.Exchange.Times(10)), _moves);
        Assert.Equal(Known.Exchange.Times(10), policy.Last.SinceMove);
        line.Book.Moved(new ConnectionId(1), "toe", Seconds(0.1));
        line.Book.Ask(new ConnectionId(1), Known.Connection(1, Known.Exchange.Times(11)), _moves);
        Assert.Equal((true, default), (policy.Last.IsOffloaded, policy.Last.SinceMove));
        line.Book.Ask(new ConnectionId(1), Known.Connection(2, Known.Exchange.Times(15)), _moves);
        Assert.Equal(Known.Exchange.Times(4), policy.Last.SinceMove);
    }

    [Fact]
    public void The_freest_TOE_is_the_one_that_a_policy_is_told_of()
    {
        var policy = new Wishful { Wish = Wish.Offload };
        var book = new OffloadBook(policy, Seconds(Period));
        book.Review([Known.Toe(5, name: "a"), Known.Toe(6, name: "b")], Seconds(0), _moves);
        book.Ask(new ConnectionId(1), Known.Connection(0, default), _moves);
        book.Ask(new ConnectionId(2), Known.Connection(0, default), _moves);
        book.Ask(new ConnectionId(3), Known.Connection(0, default), _moves);
        Assert.Equal(["b", "a", "b"], _moves.Select(move => move.Toe));

        // It went to the other.
        book.Moved(new ConnectionId(1), "a", Seconds(1));
        book.Ask(new ConnectionId(1), Known.Connection(1, default), _moves);
        Assert.Equal(("a", 2), (policy.Last.Toe!.Name, policy.Last.Toe.Connections));
    }

    private static Microseconds Seconds(double seconds) => Microseconds.FromSeconds(seconds);

    /// <summary>Wishes what the spec says.</summary>
    internal sealed class Wishful : IOffloadPolicy
    {
        public string Name => "wishful";

        public long AskAfterBytes => 0;

        public Wish Wish { get; set; }

        public double Worth { get; set; }

        public OffloadQuestion Last { get; private set; }

        public Decision Decide(in OffloadQuestion question)
        {
            Last = question;
            return new Decision(Wish, Worth, "as the spec says");
        }
    }

    /// <summary>A book with a TOE, and moves as words.</summary>
    private sealed class Line
    {
        private readonly List<PolicyMove> _moves = [];
        private readonly int _capacity;

        public Line(IOffloadPolicy policy, int capacity = 100)
        {
            _capacity = capacity;
            Wishful = policy as Wishful ?? new Wishful();
            Book = new OffloadBook(policy, Seconds(Period));
            Review(at: 0);
        }

        public OffloadBook Book { get; }

        public Wishful Wishful { get; }

        public string[] Ask(long id, double at, double worth = 0, int priority = 0)
        {
            Wishful.Worth = worth;
            Book.Ask(new ConnectionId(id), Known.Connection(at, Known.Exchange) with { Priority = priority }, _moves);
            return Taken();
        }

        public string[] Review(double at)
        {
            Book.Review([Known.Toe(_capacity)], Seconds(at), _moves);
            return Taken();
        }

        private string[] Taken()
        {
            string[] moves = [.. _moves.Select(move => $"{move.Connection} {(move.ToToe ? "offload" : "upload")}")];
            _moves.Clear();
            return moves;
        }
    }
}
