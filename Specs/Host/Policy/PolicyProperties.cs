using CsCheck;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using TcpActors.Specs.Properties;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Host.Policy;

/// <summary>What holds of every policy, whatever connections do: random loads, refusals, moves by hand, uploads that must be, TOEs of any size.</summary>
public sealed class PolicyProperties
{
    private const int Connections = 30;
    private static readonly Microseconds s_period = Microseconds.FromSeconds(10);

    private static readonly IOffloadPolicy[] s_policies =
    [
        OffloadPolicies.Always, OffloadPolicies.Never, OffloadPolicies.Bytes(5000), OffloadPolicies.Adaptive, new Restless(),
    ];

    [Fact]
    public void No_policy_moves_a_connection_twice_within_a_period_or_gives_a_TOE_more_than_it_takes() => Property.Holds(
        from seed in Gen.ULong
        from policy in Gen.Int[0, s_policies.Length - 1]
        from capacity in Gen.Int[1, Connections]
        select (seed, policy, capacity),
        seed: 20261124,
        count: 300,
        each => new Run(new Dice(each.seed), s_policies[each.policy], each.capacity).Go(steps: 3000));

    /// <summary>A host in a few words: moves begin when the book says so and end some steps later, well or not.</summary>
    private sealed class Run(Dice dice, IOffloadPolicy policy, int capacity)
    {
        private readonly OffloadBook _book = new(policy, s_period);
        private readonly List<PolicyMove> _moves = [];
        private readonly List<PolicyMove> _underWay = [];
        private readonly Dictionary<ConnectionId, Microseconds> _movedAt = [];
        private readonly Dictionary<ConnectionId, Work> _work = [];
        private readonly HashSet<ConnectionId> _offloaded = [];
        private readonly HashSet<ConnectionId> _inHand = [];
        private Microseconds _now = Microseconds.FromSeconds(1000);

        public void Go(int steps)
        {
            Review();
            for (int i = 0; i < steps; i++)
            {
                _now += new Microseconds(dice.Below(400_000));
                Step(new ConnectionId(dice.Below(Connections)));
                Begin();
            }
        }

        private void Step(ConnectionId id)
        {
            switch (dice.Below(24))
            {
                case 0:
                    Review();
                    break;
                case 1 when _offloaded.Remove(id):
                    // It must come back: a FIN, a fragment.
                    _underWay.RemoveAll(move => move.Connection == id);
                    Return(id);
                    break;
                case 2 when dice.Below(10) == 0 && !_offloaded.Contains(id) && Taken < capacity && !_inHand.Contains(id):
                    _book.TakeInHand(id);
                    _inHand.Add(id);
                    if (_underWay.RemoveAll(move => move.Connection == id) > 0)
                    {
                        _book.MovedByHand("toe", to: null);
                    }

                    _offloaded.Add(id);
                    _book.MovedByHand(from: null, "toe");
                    break;
                case 3:
                    End(id);
                    _underWay.RemoveAll(move => move.Connection == id);
                    _movedAt.Remove(id);
                    _work.Remove(id);
                    _offloaded.Remove(id);
                    _inHand.Remove(id);
                    break;
                case < 9 when _underWay.Count > 0:
                    End(_underWay[(int)dice.Below(_underWay.Count)]);
                    break;
                default:
                    if (!_inHand.Contains(id))
                    {
                        Ask(id);
                    }

                    break;
            }
        }

        private int Taken => _offloaded.Count + _underWay.Count(move => !move.ToToe);

        private void Return(ConnectionId id)
        {
            if (_inHand.Contains(id))
            {
                _book.MovedByHand("toe", to: null);
            }
            else
            {
                _book.Moved(id, null, _now);
            }
        }

        private void End(ConnectionId id)
        {
            if (!_inHand.Contains(id))
            {
                _book.Forget(id);
            }
            else if (_offloaded.Contains(id))
            {
                _book.MovedByHand("toe", to: null);
            }
        }

        private void Review() => _book.Review([Known.Toe(capacity, memoryUsed: dice.Below(100) / 100.0)], _now, _moves);

        private void Ask(ConnectionId id)
        {
            Work done = dice.Below(4) == 0 ? default : (dice.Below(2) == 0 ? Known.Exchange : Known.Block).Times(dice.Below(2000));
            Work work = _work[id] = _work.GetValueOrDefault(id) + done;
            ConnectionStatistics known = Known.Connection(
                _now.Value / 1e6, work, second: done, age: 1 + dice.Below(100), idle: done.Bytes == 0 ? dice.Below(200) : 0);
            _book.Ask(id, known with { Priority = (int)dice.Below(3) }, _moves);
        }

        private void Begin()
        {
            foreach (PolicyMove move in _moves)
            {
                ConnectionId id = move.Connection;
                Assert.DoesNotContain(id, _inHand);
                Assert.Equal(move.ToToe, !_offloaded.Contains(id));
                if (_movedAt.TryGetValue(id, out Microseconds before))
                {
                    Assert.True(_now - before >= s_period, $"{id} was moved {(_now - before).Value} µs after its last move");
                }

                _movedAt[id] = _now;
                if (move.ToToe)
                {
                    _offloaded.Add(id);
                    Assert.InRange(Taken, 1, capacity);
                }
                else
                {
                    _offloaded.Remove(id);
                }

                _underWay.Add(move);
            }

            _moves.Clear();
        }

        private void End(PolicyMove move)
        {
            _underWay.Remove(move);
            if (dice.Below(4) > 0)
            {
                _book.Moved(move.Connection, move.ToToe ? "toe" : null, _now);
            }
            else
            {
                _book.NotMoved(move.Connection, move.ToToe, _now);
                _ = move.ToToe ? _offloaded.Remove(move.Connection) : _offloaded.Add(move.Connection);
            }
        }
    }
}
