using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Buffers;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class AllocationSpecs
{
    private const int Segments = 100_000;
    private const int Warm = 2000;

    [Fact]
    public void Receiving_in_order_allocates_nothing()
    {
        using Bench bench = new();
        byte[] payload = new byte[1448];
        bench.Receive(payload, Warm, outOfOrder: false);
        Assert.Equal(0, AllocationMeter.Least(() => bench.Receive(payload, Segments, outOfOrder: false)));
        Assert.InRange(bench.Consumed, Warm + Segments, long.MaxValue);
        Assert.Equal(bench.Consumed * 1448L, bench.Engine.Counters.BytesReceived);
    }

    [Fact]
    public void Receiving_pairs_in_the_wrong_order_allocates_nothing()
    {
        using Bench bench = new();
        byte[] payload = new byte[1448];
        bench.Receive(payload, Warm, outOfOrder: true);
        Assert.Equal(0, AllocationMeter.Least(() => bench.Receive(payload, Segments, outOfOrder: true)));
        Assert.InRange(bench.Consumed, Warm + Segments, long.MaxValue);
        Assert.Equal(bench.Consumed * 1448L, bench.Engine.Counters.BytesReceived);
    }

    [Fact]
    public void Sending_allocates_nothing()
    {
        using Bench bench = new();
        byte[] payload = new byte[1448];
        bench.Send(payload, Warm);
        Assert.Equal(0, AllocationMeter.Least(() => bench.Send(payload, Segments)));
        Assert.InRange(bench.Written, (Warm + Segments) * 1448L, long.MaxValue);
        Assert.Equal(bench.Written, bench.Engine.Counters.BytesSent);
    }

    private sealed class Bench : IDisposable
    {
        private readonly ManagedChunkPool _pool = new();
        private readonly TransmitQueue _output = new();
        private readonly SendBuffer _send;
        private readonly ReceiveBuffer _receive;
        private Microseconds _now = new(1_000_000);
        private uint _tsVal = 1;
        private long _written;
        private long _consumed;

        public Bench()
        {
            _send = new SendBuffer(_pool, 1 << 20);
            _receive = new ReceiveBuffer(_pool, 1 << 20);
            ConnectionInvariants connection = Setup.Connection with
            {
                SackPermitted = true,
                TimestampsEnabled = true,
                SendWindowScale = 7,
                ReceiveWindowScale = 7,
            };
            SegmentInvariants invariants = Setup.Invariants with { EffectiveMss = 1448, Path = Setup.Invariants.Path with { Mtu = 1500 } };
            Engine = new TcpEngine(connection, invariants, Setup.Variants(default, default, 1 << 20, 1 << 20), _send, _receive, _output);
            Engine.StartAfterMove(_now);
        }

        public TcpEngine Engine { get; }

        public long Written => _written;

        public long Consumed => _consumed;

        public void Receive(byte[] payload, int segments, bool outOfOrder)
        {
            for (int i = 0; i < segments; i += 2)
            {
                SeqNum next = Engine.Variants.RcvNxt;
                Give(next + (outOfOrder ? payload.Length : 0), payload);
                Give(next + (outOfOrder ? 0 : payload.Length), payload);
                EndBatch();
                _receive.Consume(_receive.Unread);
            }
        }

        public void Send(byte[] payload, int segments)
        {
            for (int i = 0; i < segments; i += 4)
            {
                for (int j = 0; j < 4; j++)
                {
                    _written += _send.Write(payload);
                    EndBatch();
                }

                Give(Engine.Variants.RcvNxt, []);
                EndBatch();
            }
        }

        public void Dispose()
        {
            _send.Dispose();
            _receive.Dispose();
        }

        private void Give(SeqNum seq, ReadOnlySpan<byte> payload)
        {
            TcpSegment segment = new()
            {
                Seq = seq,
                Ack = Engine.Variants.SndMax,
                Flags = TcpFlags.Ack,
                Window = 8192,
                Options = new TcpOptions { HasTimestamps = true, TsVal = _tsVal++, TsEcr = (uint)(_now.Value / 1000) },
                Payload = payload,
            };
            _consumed += Engine.Receive(segment, _now).Kind == VerdictKind.Consumed ? 1 : 0;
            _now += new Microseconds(1);
        }

        private void EndBatch()
        {
            Engine.Transmit(_now);
            _receive.Commit(Engine.Variants.RcvNxt);
            _send.FreeTo(Engine.Variants.SndUna);
            _output.Clear();
        }
    }
}
