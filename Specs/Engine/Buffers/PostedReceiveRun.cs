using System.Buffers;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

/// <summary>
/// A receive buffer under everything that can happen to it, in an order that a seed draws: segments in order and out of order, commits,
/// crashes, new owners, stays in the kernel, reads, memory posted and wanted back. What is read is compared with what was sent.
/// </summary>
internal sealed unsafe class PostedReceiveRun(int seed) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);
    private readonly byte[] _stream = new byte[400_000];
    private readonly byte[] _memory = GC.AllocateArray<byte>(1000, pinned: true);
    private readonly bool[] _arrived = new bool[400_000];
    private readonly SeqNum _start = new((uint)seed * 0x7fff_ff00u);
    private ReceiveBuffer _buffer = null!;
    private uint _owner;
    private int _rcvNxt;
    private int _committed;
    private int _read;
    private int _posted;
    private bool _isWantedBack;

    public long Direct => _buffer.PlacedInAll;

    public int Deferred { get; private set; }

    public void Go()
    {
        _random.NextBytes(_stream);
        _buffer = new ReceiveBuffer(_pool, limit: 2000);
        _buffer.Rebase(_start);
        _owner = _buffer.BeginOwnership();
        for (int step = 0; _read < _stream.Length; step++)
        {
            Assert.True(step < 1_000_000, $"seed {seed}: it stands still at {_read}");
            Step();
            Assert.Equal(_start + _committed, _buffer.Committed);
        }

        Dispose();
        Assert.Equal(0, _pool.RentedBytes);
    }

    public void Dispose() => _buffer.Dispose();

    private void Step()
    {
        switch (_random.Next(16))
        {
            case < 4:
                ReceiveNext(_random.Next(1, 150));
                break;
            case 4:
                ReceiveBeyond();
                break;
            case < 9:
                Commit();
                break;
            case 9 when _random.Next(5) == 0:
                Crash();
                break;
            case 10 when _rcvNxt == _committed:
                ReceiveInKernel();
                break;
            case 11:
                Post();
                break;
            case 12 when _posted > 0 && !_isWantedBack:
                TakeBack();
                break;
            case > 12 when _posted == 0:
                Read();
                break;
        }
    }

    private void ReceiveNext(int length)
    {
        length = Math.Min(length, _stream.Length - _rcvNxt);
        Assert.True(_buffer.TryWriteNext(_owner, _start + _rcvNxt, _stream.AsSpan(_rcvNxt, length)));
        _arrived.AsSpan(_rcvNxt, length).Fill(value: true);
        for (; _rcvNxt < _stream.Length && _arrived[_rcvNxt]; _rcvNxt++)
        {
        }
    }

    private void ReceiveBeyond()
    {
        int at = Math.Min(_rcvNxt + _random.Next(1, 300), _stream.Length);
        int length = Math.Min(_random.Next(100), _stream.Length - at);
        if (_buffer.TryWriteBeyond(_start + at, _stream.AsSpan(at, length), _start + _rcvNxt, beyond: 1000))
        {
            _arrived.AsSpan(at, length).Fill(value: true);
        }
    }

    private void Commit()
    {
        _buffer.Commit(_start + _rcvNxt);
        _committed = _rcvNxt;
        Notice();
    }

    private void Crash()
    {
        _arrived.AsSpan(_committed).Clear();
        _rcvNxt = _committed;
        if (_random.Next(2) == 0)
        {
            _owner = _buffer.BeginOwnership();
        }

        _buffer.DiscardBeyond(_start + _committed);
        Notice();
    }

    private void ReceiveInKernel()
    {
        _buffer.DiscardBeyond(_start + _committed);
        _arrived.AsSpan(_committed).Clear();
        if (_buffer.TryGetMemory(out Memory<byte> memory))
        {
            int length = Math.Min(_random.Next(memory.Length + 1), _stream.Length - _committed);
            _stream.AsSpan(_committed, length).CopyTo(memory.Span);
            if (_posted > 0 && !_isWantedBack && _random.Next(4) == 0)
            {
                TakeBack();
            }

            _buffer.Produce(length);
            _arrived.AsSpan(_committed, length).Fill(value: true);
            _rcvNxt = _committed += length;
            Notice();
        }
    }

    private void Post()
    {
        int length = _random.Next(1, _memory.Length);
        if (_posted == 0 && _buffer.TryPost(_memory.AsMemory(0, length)))
        {
            _posted = length;
        }
    }

    /// <summary>As an application's side does that is told.</summary>
    private void Notice()
    {
        if (_posted == 0 || !_buffer.OwesNotice)
        {
            return;
        }

        if (!_isWantedBack)
        {
            TakeBack();
        }
        else if (_buffer.TryAcceptGivenBack())
        {
            Take();
        }
    }

    private void TakeBack()
    {
        _isWantedBack = !_buffer.TryTakeBack();
        if (_isWantedBack)
        {
            Deferred++;
        }
        else
        {
            Take();
        }
    }

    private void Take()
    {
        int count = _buffer.PlacedBytes;
        Assert.InRange(count, 0, _posted);
        Assert.True(_memory.AsSpan(0, count).SequenceEqual(_stream.AsSpan(_read, count)), $"seed {seed}: other bytes at {_read}");
        _read += count;
        (_posted, _isWantedBack) = (0, false);
        _random.NextBytes(_memory);
        byte[] mine = [.. _memory];
        ReceiveNext(_random.Next(50));
        Assert.True(_memory.AsSpan().SequenceEqual(mine), $"seed {seed}: somebody wrote to memory that was given back");
    }

    private void Read()
    {
        ReadOnlySequence<byte> readable = _buffer.GetReadable();
        Assert.Equal(_committed - _read, readable.Length);
        int count = _random.Next(2) == 0 ? (int)readable.Length : _random.Next((int)readable.Length + 1);
        Assert.True(readable.Slice(0, count).ToArray().AsSpan().SequenceEqual(_stream.AsSpan(_read, count)), $"seed {seed}: other bytes at {_read}");
        _buffer.Consume(count);
        _read += count;
        Post();
    }
}
