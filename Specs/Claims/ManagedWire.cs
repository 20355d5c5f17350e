using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Claims;

/// <summary>An in-memory link between two managed hosts, with a tap in the middle.</summary>
internal sealed class ManagedWire : Wire
{
    private readonly InMemoryLinkPair _pair;
    private readonly Lock _lock = new();
    private List<WireSegment>? _segments;
    private int _losesFromHost;
    private int _losesFromPeer;

    public ManagedWire(InMemoryLinkOptions options)
    {
        _pair = new InMemoryLinkPair(options);
        Host = new End(this, _pair.A, isHost: true);
        Peer = new End(this, _pair.B, isHost: false);
    }

    /// <summary>The host's end.</summary>
    public ILink Host { get; }

    /// <summary>The peer's end.</summary>
    public ILink Peer { get; }

    public override IReadOnlyList<WireSegment> Segments
    {
        get
        {
            lock (_lock)
            {
                return [.. _segments ?? []];
            }
        }
    }

    public override void Listen()
    {
        lock (_lock)
        {
            _segments ??= [];
        }
    }

    public override void StopListening()
    {
        lock (_lock)
        {
            _segments = null;
        }
    }

    public override IDisposable LoseFromHost() => new Loss(ref _losesFromHost, () => Interlocked.Decrement(ref _losesFromHost));

    public override IDisposable LoseFromPeer() => new Loss(ref _losesFromPeer, () => Interlocked.Decrement(ref _losesFromPeer));

    public override unsafe void SendToHost(byte[] frame)
    {
        fixed (byte* bytes = frame)
        {
            var sent = new TxFrame { Header = bytes, HeaderLength = frame.Length };
            _pair.B.Send(new ReadOnlySpan<TxFrame>(in sent));
        }
    }

    /// <summary>The peer has another MAC address from now on.</summary>
    public void ChangePeer(MacAddress mac) => _pair.ChangeAddress(_pair.B, mac);

    public override void Dispose() => _pair.Dispose();

    private bool IsLost(in TxFrame frame, bool isFromHost)
    {
        if (Volatile.Read(ref _segments) is not null && WireSegment.Parse(LinkWithin.BytesOf(in frame), frame.SegmentSize, isFromHost) is { } segment)
        {
            lock (_lock)
            {
                _segments?.Add(segment);
            }
        }

        return Volatile.Read(ref isFromHost ? ref _losesFromHost : ref _losesFromPeer) > 0;
    }

    private sealed class Loss : IDisposable
    {
        private Action? _end;

        public Loss(ref int count, Action end)
        {
            Interlocked.Increment(ref count);
            _end = end;
        }

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }

    private sealed class End(ManagedWire wire, ILink link, bool isHost) : LinkWithin(link)
    {
        public override int Send(ReadOnlySpan<TxFrame> frames)
        {
            int sent = 0;
            foreach (ref readonly TxFrame frame in frames)
            {
                sent += wire.IsLost(in frame, isHost) ? 1 : Inner.Send(new ReadOnlySpan<TxFrame>(in frame));
            }

            return sent;
        }
    }
}
