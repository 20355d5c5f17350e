using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using TcpActors.Actors.Contract;
using TcpActors.Engine;
using TcpActors.Engine.State;

namespace TcpActors.Bench.EnginePaths;

/// <summary>Publishing and handing over the variables, without a kernel and without actors.</summary>
[MemoryDiagnoser]
public class OwnershipBenchmarks
{
    private readonly TransferStack _stack = new();
    private EngineUnderTest _subject = null!;
    private CommitSlot _slot = null!;
    private nint _memory;
    private OwnedVariables _owned = null!;
    private Epoch _epoch;

    [GlobalSetup]
    public unsafe void SetUp()
    {
        _subject = new EngineUnderTest();
        _memory = (nint)NativeMemory.AlignedAlloc((nuint)CommitSlot.Size, 64);
        NativeMemory.Clear((void*)_memory, (nuint)CommitSlot.Size);
        _slot = new CommitSlot(_memory);
        _epoch = new Epoch(1);
        _owned = new OwnedVariables(new ConnectionId(1), _epoch, _subject.Engine.Variants);
        _slot.Open(_epoch, _subject.Engine.Variants);
    }

    [GlobalCleanup]
    public unsafe void CleanUp()
    {
        _subject.Dispose();
        NativeMemory.AlignedFree((void*)_memory);
    }

    [Benchmark(Description = "commit to the slot")]
    public bool Commit() => _slot.TryCommit(_epoch, in _subject.Engine.Variants);

    [Benchmark(Description = "move: hand over, push, pull, open the slot, first act of a new engine")]
    public TcpEngine Move()
    {
        OwnedVariables handed = _owned.HandOver();
        handed.Variants = _subject.Engine.Variants.ToTimesRemaining(_subject.Now);
        _stack.Push(new TransferEntry(handed, EngineUnderTest.Connection, EngineUnderTest.Segment, UploadReason.None));
        TransferEntry pulled = _stack.PullAll()[0];

        _owned = pulled.Variables;
        _epoch = _owned.Epoch;
        SegmentVariants variants = _owned.Variants.ToDeadlines(_subject.Now);
        _slot.Open(_epoch, in variants);
        var engine = new TcpEngine(pulled.Connection, pulled.Segment, in variants, _subject.Send, _subject.Receive, _subject.Output);
        engine.StartAfterMove(_subject.Now);
        engine.Transmit(_subject.Now);
        _subject.Output.Clear();
        return engine;
    }
}
