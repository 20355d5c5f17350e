using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

/// <summary>
/// Plays a schedule, then lets the network behave and the applications read, and waits for everything that was written. <see cref="Invariants"/>
/// are checked after every batch on the way, the applications check every byte.
/// </summary>
internal sealed class ScheduleRun
{
    /// <summary>What one write has at most: more would only take longer.</summary>
    private const int MostBuffersFull = 8;

    /// <summary>Round trips besides those that data takes: to open the congestion window, to close the last holes.</summary>
    private const int Rounds = 30;

    /// <summary>The engine's 40 ms, and a tick.</summary>
    private static readonly Microseconds DelayedAck = 41.ms;

    private readonly World _world;
    private readonly Schedule _schedule;
    private readonly SimulatedFlow _flow;
    private readonly HostFin?[] _fins = new HostFin?[2];
    private readonly Act.Moves?[] _awaitingLoss = new Act.Moves?[2];
    private readonly (SeqNum Una, Microseconds At)[] _progress = new (SeqNum, Microseconds)[2];
    private readonly Queue<(EngineNode Node, EngineOwner Owner)> _stale = new();
    private Microseconds _longestReadPause;

    private ScheduleRun(World world, Schedule schedule)
    {
        (_world, _schedule) = (world, schedule);
        _flow = world.Pair(schedule.Path);
        _flow.A.IsAudited = true;
        _flow.B.IsAudited = true;
    }

    public static void Play(Schedule schedule) =>
        Replay.Play(schedule.Seed, world => new ScheduleRun(world, schedule).Run(), static _ => "");

    private void Run()
    {
        foreach (Step step in _schedule.Steps)
        {
            Pass(step.After);
            Do(step.Act);
        }

        Behave();
        Microseconds healed = _world.Now;
        Microseconds limit = Patience();
        Microseconds end = healed + limit;
        while (!IsEverythingThere)
        {
            _world.Step();
            AfterStep();
            if (_world.Now > end)
            {
                throw new SimulationException($"What was written is not there {limit} after the network behaves: {_flow.A}; {_flow.B}");
            }
        }

        CheckEnds();
        ComeToRest();
        long kept = _world.Pool.RentedBytes;
        if (kept > 4 * _flow.A.Memory.Send.ChunkSize)
        {
            throw new SimulationException($"{kept} bytes of buffers are kept when all is done: {_flow.A}; {_flow.B}");
        }
    }

    private EngineNode Node(Side side) => side == Side.A ? _flow.A : _flow.B;

    private FaultyLink Link(Side side) => side == Side.A ? _flow.LinkOfA : _flow.LinkOfB;

    private bool IsEverythingThere =>
        HasAll(_flow.A, _flow.B) && HasAll(_flow.B, _flow.A) && Array.TrueForAll(_fins, static fin => fin is null or { HasArrived: true });

    /// <summary>Whether everything that was written has been read, and the writer knows.</summary>
    private static bool HasAll(EngineNode reader, EngineNode writer) =>
        reader.Application.Read == writer.Application.Behaviour.Bytes && writer.Memory.Send.Count == 0;

    private void Do(Act act)
    {
        switch (act)
        {
            case Act.Writes writes when _fins[(int)writes.Side] is null:
                EngineNode writer = Node(writes.Side);
                writer.Application.Behaviour = writer.Application.Behaviour with
                {
                    WriteSize = writes.Piece,
                    WritePause = writes.Piece < int.MaxValue ? writes.Pause : Microseconds.Zero,
                    Bytes = writer.Application.Behaviour.Bytes + Math.Min(writes.Bytes, MostBuffersFull * _schedule.Path.Buffer),
                };
                break;
            case Act.Reads reads:
                _longestReadPause = Microseconds.Max(_longestReadPause, reads.Pause);
                SetReading(Node(reads.Side), reads.Piece, reads.Pause);
                break;
            case Act.Closes closes:
                _fins[(int)closes.Side] ??= Close(closes.Side);
                break;
            case Act.Moves { InRecovery: true } moves:
                _awaitingLoss[(int)moves.Side] = moves;
                break;
            case Act.Moves moves:
                Move(moves);
                break;
            case Act.Crashes crashes:
                Node(crashes.Side).Crash();
                break;
            case Act.PathMtu path:
                EngineNode node = Node(path.Side);
                int mtu = Math.Min(path.Mtu, _schedule.Path.Mtu);
                node.Update(s => s with { Path = s.Path with { Mtu = mtu }, EffectiveMss = node.Setup.Connection.EffectiveMss(mtu) });
                break;
            case Act.NextHop hop:
                byte[] address = [0x02, 0, 0, 0, 0, (byte)(Node(hop.Side).Setup.Segment.Version + 1)];
                Node(hop.Side).Update(s => s with { Neighbor = s.Neighbor with { Mac = new MacAddress(address) } });
                break;
            case Act.Path path:
                Node(path.Side).Update(s => s with { Path = s.Path with { IsUsable = path.IsUsable } });
                break;
            case Act.Weather weather:
                FaultyLink link = Link(weather.Side);
                link.Faults = weather.Faults with { Blackouts = link.Faults.Blackouts };
                break;
            case Act.Blackout blackout:
                FaultyLink dark = Link(blackout.Side);
                dark.Faults = dark.Faults with { Blackouts = [new Blackout(_world.Now, _world.Now + blackout.Length)] };
                break;
        }
    }

    private HostFin Close(Side side)
    {
        HostFin fin = new(_world, Node(side), Node(side == Side.A ? Side.B : Side.A), Link(side));
        fin.Begin();
        return fin;
    }

    private void Move(Act.Moves moves)
    {
        EngineNode node = Node(moves.Side);
        _stale.Enqueue((node, node.Move(moves.Pause, moves.ClockAhead, moves.Way == Way.Kernel ? KernelStay.Forget : null)));
    }

    private void Pass(Microseconds span)
    {
        // An event, so that time gets there.
        _world.After(span, static () => { });
        Microseconds end = _world.Now + span;
        while (_world.Now < end)
        {
            _world.Step();
            AfterStep();
        }
    }

    private void AfterStep()
    {
        for (int side = 0; side < _progress.Length; side++)
        {
            ref readonly SegmentVariants v = ref Node((Side)side).Variants;
            if (v.SndUna != _progress[side].Una || v.SndUna == v.SndMax)
            {
                _progress[side] = (v.SndUna, _world.Now);
            }
        }

        for (int side = 0; side < _awaitingLoss.Length; side++)
        {
            if (_awaitingLoss[side] is { } moves && Node((Side)side) is { IsMoving: false } node && node.Variants.Recovery != RecoveryPhase.Open)
            {
                _awaitingLoss[side] = null;
                Move(moves);
            }
        }

        while (_stale.TryDequeue(out (EngineNode Node, EngineOwner Owner) before))
        {
            CheckStale(before.Node, before.Owner);
        }
    }

    /// <summary>Whoever owned it before may go on: nothing of that is published.</summary>
    private void CheckStale(EngineNode node, EngineOwner stale)
    {
        SeqNum una = node.Memory.Send.Una;
        SeqNum committed = node.Memory.Receive.Committed;
        SegmentVariants slot = node.Memory.Slot.Read(out Epoch epoch);
        long events = _world.Trace.Count;
        stale.Engine.StartAfterMove(stale.Now);
        bool isPublished = stale.Finish(crashes: false, static _ => { });
        bool isUntouched = node.Memory.Send.Una == una
            && node.Memory.Receive.Committed == committed
            && node.Memory.Slot.Epoch == epoch
            && Invariants.BytesOf(node.Memory.Slot.Read(out _)).SequenceEqual(Invariants.BytesOf(in slot))
            && _world.Trace.Count == events;
        if (isPublished || !stale.IsStale || !isUntouched)
        {
            throw new SimulationException($"The owner of epoch {stale.Epoch} has published something at epoch {epoch}: {node}");
        }
    }

    /// <summary>From now on nothing is lost, and whoever has something to write or read does.</summary>
    private void Behave()
    {
        while (_flow.A.IsMoving || _flow.B.IsMoving)
        {
            Pass(1.ms);
        }

        Array.Clear(_awaitingLoss);
        _flow.LinkOfA.Faults = Faults.None;
        _flow.LinkOfB.Faults = Faults.None;
        foreach (EngineNode node in new[] { _flow.A, _flow.B })
        {
            if (!node.Setup.Segment.IsPathUsable)
            {
                node.Update(static s => s with { Path = s.Path with { IsUsable = true } });
            }

            // A crash that is still to come happens now: a lost packet is not to be counted to a network that behaves.
            node.Writes(LeftToWrite(node));
            SetReading(node, int.MaxValue, Microseconds.Zero);
            node.Application.Behaviour = node.Application.Behaviour with { WriteSize = int.MaxValue, WritePause = Microseconds.Zero };
        }

    }

    /// <summary>
    /// How long everything may take from now on. The timer of what is missing runs out within an RTO, back-off included (RFC 6298 5.5), and what it sends
    /// arrives. The timestamps of the answer may span all the time since the last progress, and the RTO is then three times that (RFC 6298 2.2). Two time-outs
    /// of it are allowed: for what was sent before and not kept, and for the new data that F-RTO sends instead (RFC 5682). From then on acknowledgements
    /// come each round trip.
    /// </summary>
    private Microseconds Patience()
    {
        Scenario path = _schedule.Path;
        long round = path.Rtt.Value + (2 * path.Jitter.Value) + DelayedAck.Value + (2 * path.Buffer * 8_000_000L / Math.Max(1, path.Rate));
        long left = LeftOf(_flow.A, _flow.B) + LeftOf(_flow.B, _flow.A);
        long rounds = Rounds + (left / (path.Buffer / 4));
        Microseconds timeouts = Microseconds.Max(TimeOutsOf(Side.A), TimeOutsOf(Side.B));
        return timeouts + _longestReadPause + new Microseconds(rounds * round);
    }

    private Microseconds TimeOutsOf(Side side)
    {
        SegmentInvariants invariants = Node(side).Setup.Segment;
        Microseconds rto = RttEstimator.CurrentRto(Node(side).Variants, invariants);
        Microseconds waited = _world.Now - _progress[(int)side].At + rto;
        return rto + (Microseconds.Min(invariants.MaxRto, Microseconds.Max(rto, waited * 3)) * 2);
    }

    private static long LeftToWrite(EngineNode node) => node.Application.Behaviour.Bytes - node.Application.Written;

    private static long LeftOf(EngineNode reader, EngineNode writer) => writer.Application.Behaviour.Bytes - reader.Application.Read;

    private void CheckEnds()
    {
        foreach (Side side in (Side[])[Side.A, Side.B])
        {
            EngineNode reader = Node(side == Side.A ? Side.B : Side.A);
            if (_fins[(int)side] is not null && reader.Variants.RcvNxt != Node(side).Memory.Send.End)
            {
                throw new SimulationException($"A FIN was taken for in order and is not: {_flow.A}; {_flow.B}");
            }
        }
    }

    /// <summary>Two ends that have nothing to say do not go on answering each other.</summary>
    private void ComeToRest()
    {
        _world.RunFor(5.s);
        long events = _world.Trace.Count;
        _world.RunFor(600.s);
        if (_world.Trace.Count != events)
        {
            throw new SimulationException($"{_world.Trace.Count - events} events when all is done: {_flow.A}; {_flow.B}");
        }
    }

    private static void SetReading(EngineNode node, int piece, Microseconds pause) =>
        node.Application.Behaviour = node.Application.Behaviour with { ReadSize = piece, ReadPause = pause };
}
