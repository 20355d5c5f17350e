using BenchmarkDotNet.Attributes;
using TcpActors.Engine;
using TcpActors.Engine.State;

namespace TcpActors.Bench.EnginePaths;

/// <summary>The engine for each segment, in batches as a busy link makes them and alone. Times are for one segment.</summary>
[MemoryDiagnoser]
public class SegmentBenchmarks
{
    private const int Batch = 64;

    private readonly byte[] _payload = new byte[EngineUnderTest.Mss];
    private readonly byte[] _super = new byte[TcpEngine.MaxSuperSegment / EngineUnderTest.Mss * EngineUnderTest.Mss];
    private EngineUnderTest _receiver = null!;
    private EngineUnderTest _sender = null!;
    private SegmentVariants _unsent;
    private SegmentVariants _sent;

    [GlobalSetup]
    public void SetUp()
    {
        _receiver = new EngineUnderTest();
        _sender = new EngineUnderTest();
        _unsent = _sender.Engine.Variants;
        while (_sender.Send.Count < Batch * _payload.Length)
        {
            _sender.Send.Write(_payload);
        }

        _sender.Engine.Transmit(_sender.Now);
        _sender.Output.Clear();
        _sent = _sender.Engine.Variants;
        Prove();
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _receiver.Dispose();
        _sender.Dispose();
    }

    [Benchmark(Description = "in-order segment of 1448 bytes, batch of 64", OperationsPerInvoke = Batch)]
    public void ReceiveInOrder()
    {
        for (int i = 0; i < Batch; i++)
        {
            _receiver.Give(_receiver.Engine.Variants.RcvNxt, _receiver.Engine.Variants.SndMax, _payload);
        }

        _receiver.EndBatch();
    }

    [Benchmark(Description = "in-order segment of 1448 bytes, alone")]
    public void ReceiveAlone()
    {
        _receiver.Give(_receiver.Engine.Variants.RcvNxt, _receiver.Engine.Variants.SndMax, _payload);
        _receiver.EndBatch();
    }

    [Benchmark(Description = "in-order super-segment of 44 x 1448 bytes, alone")]
    public void ReceiveSuperSegment()
    {
        _receiver.Give(_receiver.Engine.Variants.RcvNxt, _receiver.Engine.Variants.SndMax, _super);
        _receiver.EndBatch();
    }

    [Benchmark(Description = "segment of pairs that arrive in the wrong order, batch of 64", OperationsPerInvoke = Batch)]
    public void ReceiveOutOfOrder()
    {
        for (int i = 0; i < Batch; i += 2)
        {
            SeqNum next = _receiver.Engine.Variants.RcvNxt;
            _receiver.Give(next + _payload.Length, _receiver.Engine.Variants.SndMax, _payload);
            _receiver.Give(next, _receiver.Engine.Variants.SndMax, _payload);
        }

        _receiver.EndBatch();
    }

    // From the same state again and again, through what a restart uses; its cost is shared by the batch. The send buffer is not freed.
    [Benchmark(Description = "ACK of two segments, one a batch", OperationsPerInvoke = Batch / 2)]
    public void Acknowledge()
    {
        _sender.Engine.Restore(in _sent, _sender.Now);
        for (int i = 0; i < Batch; i += 2)
        {
            _sender.Give(
                _sender.Engine.Variants.RcvNxt, _sender.Engine.Variants.SndUna + (2 * EngineUnderTest.Mss), ReadOnlySpan<byte>.Empty);
            _sender.EndBatch();
        }
    }

    [Benchmark(Description = "sent segment of 1448 bytes, batch of 64", OperationsPerInvoke = Batch)]
    public void Send()
    {
        _sender.Engine.MaxBurst = EngineUnderTest.Mss;
        _sender.Engine.Restore(in _unsent, _sender.Now);
        _sender.EndBatch();
    }

    [Benchmark(Description = "sent segment of 1448 bytes, in super-segments, batch of 64", OperationsPerInvoke = Batch)]
    public void SendSuperSegments()
    {
        _sender.Engine.MaxBurst = TcpEngine.MaxSuperSegment;
        _sender.Engine.Restore(in _unsent, _sender.Now);
        _sender.EndBatch();
    }

    // What is timed is also done: an engine that refuses a segment is fast.
    private void Prove()
    {
        Expect(Batch, received => received.ReceiveInOrder(), () => _receiver.Engine.Counters.BytesReceived / _payload.Length);
        Expect(1, received => received.ReceiveAlone(), () => _receiver.Engine.Counters.BytesReceived / _payload.Length);
        Expect(_super.Length / _payload.Length, received => received.ReceiveSuperSegment(),
            () => _receiver.Engine.Counters.BytesReceived / _payload.Length);
        Expect(Batch, received => received.ReceiveOutOfOrder(), () => _receiver.Engine.Counters.BytesReceived / _payload.Length);
        Acknowledge();
        if (_sender.Engine.Variants.Flight != 0)
        {
            throw new BenchException("The engine did not take the acknowledgements.");
        }

        Expect(Batch, sent => sent.Send(), () => _sender.Engine.Counters.BytesSent / _payload.Length);
        Expect(Batch, sent => sent.SendSuperSegments(), () => _sender.Engine.Counters.BytesSent / _payload.Length);
        if (_sender.Engine.Variants.Flight != Batch * _payload.Length || _sent.Flight != Batch * _payload.Length)
        {
            throw new BenchException("The engine did not send the batch.");
        }
    }

    private void Expect(long segments, Action<SegmentBenchmarks> act, Func<long> count)
    {
        long before = count();
        act(this);
        if (count() - before != segments)
        {
            throw new BenchException($"The engine took {count() - before} segments and should have taken {segments}.");
        }
    }
}
