using TcpActors.Engine;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Transmit;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// One owner of a connection's variables, by the rules of <c>ConnectionActor</c>: a batch is segments, timers, output; then the commit,
/// which a slot of a later epoch refuses; then received bytes are shown, acknowledged memory is freed, frames leave. What an actor
/// survives, an exception of the engine, ends the simulation: it is a bug.
/// </summary>
internal sealed class EngineOwner
{
    private const int MostInOneBatch = 16 * 65536;

    private readonly World _world;
    private readonly ConnectionMemory _memory;
    private readonly Microseconds _clockAhead;
    private readonly TransmitQueue _output = new();
    private SegmentFramer _framer;

    /// <param name="world">Whose time the owner's clock goes with.</param>
    /// <param name="memory">What it works on.</param>
    /// <param name="setup">The connection; its variables are taken from the slot, deadlines relative.</param>
    /// <param name="link">Where frames go.</param>
    public EngineOwner(World world, ConnectionMemory memory, NodeSetup setup, ILink link)
    {
        (_world, _memory, _clockAhead) = (world, memory, setup.ClockAhead);
        SegmentVariants variants = memory.Slot.Read(out Epoch epoch).ToDeadlines(Now);
        Epoch = epoch;
        memory.Slot.TryCommit(epoch, in variants);
        Engine = new TcpEngine(setup.Connection, setup.Segment, in variants, memory.Send, memory.Receive, _output, memory.Counters)
        {
            MostInOneBatch = MostInOneBatch,
        };
        _framer = new SegmentFramer(link, new HeaderTemplate(setup.Connection, setup.Segment));
    }

    public TcpEngine Engine { get; }

    public Epoch Epoch { get; }

    /// <summary>This owner's clock.</summary>
    public Microseconds Now => _world.Now + _clockAhead;

    /// <summary>The engine's next deadline in the world's time.</summary>
    public Microseconds NextDeadline => Engine.HasMoreToSend ? _world.Now
        : Engine.NextDeadline.IsNever ? Microseconds.Never
        : Engine.NextDeadline - _clockAhead;

    /// <summary>Why an upload was asked for; <see cref="UploadReason.None"/>: it was not.</summary>
    public UploadReason Requested { get; private set; }

    /// <summary>Whether the slot has refused its commit: a later epoch owns the connection.</summary>
    public bool IsStale { get; private set; }

    public Verdict Receive(in TcpSegment segment)
    {
        Verdict verdict = Engine.Receive(in segment, Now);
        Note(in verdict);
        return verdict;
    }

    public void Update(SegmentInvariants next)
    {
        Engine.Update(next, Now);
        _framer = new SegmentFramer(_framer.Link, new HeaderTemplate(Engine.Connection, next));
    }

    /// <summary>Ends a batch.</summary>
    /// <param name="crashes">
    /// Whether it fails before the commit: everything since the last one is lost, and the next attempt succeeds.
    /// </param>
    /// <param name="beforeSending">Sees what was committed, before any of it leaves.</param>
    /// <returns>False when this owner is stale; it has then published nothing.</returns>
    public bool Finish(bool crashes, Action<TransmitQueue> beforeSending)
    {
        Decide();
        if (crashes)
        {
            Engine.Restore(_memory.Slot.Read(out _), Now);
            Decide();
        }

        ref readonly SegmentVariants variants = ref Engine.Variants;
        if (!_memory.Slot.TryCommit(Epoch, in variants))
        {
            IsStale = true;
            _output.Clear();
            return false;
        }

        _memory.Receive.Commit(variants.RcvNxt);
        if (_memory.Send.Una != variants.SndUna)
        {
            _memory.Send.FreeTo(variants.SndUna);
        }

        beforeSending(_output);
        if (_output.Count > 0)
        {
            _framer.Flush(_output, _memory.Send);
        }

        return true;
    }

    private void Decide()
    {
        Note(Engine.Fire(Now));
        Engine.Transmit(Now);
    }

    private void Note(in Verdict verdict)
    {
        if (verdict.Kind == VerdictKind.UploadRequired && Requested == UploadReason.None)
        {
            Requested = verdict.Reason;
        }
    }
}
