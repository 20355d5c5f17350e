using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Bench.Flight;

/// <summary>Another link, on which what is sent gets lost as long as one wants it to.</summary>
internal sealed class LosingLink(ILink inner) : ILink
{
    private volatile bool _loses;

    public bool Loses
    {
        get => _loses;
        set => _loses = value;
    }

    public string Name => inner.Name;

    public MacAddress Address => inner.Address;

    public int Mtu => inner.Mtu;

    public LinkCapabilities Capabilities => inner.Capabilities;

    public int MaxSuperSegment => inner.MaxSuperSegment;

    public bool IsUp => inner.IsUp;

    public LinkCounters Counters => inner.Counters;

    public int LendingDepth => inner.LendingDepth;

    public void Refresh() => inner.Refresh();

    public int Receive(Span<RxFrame> frames, Microseconds timeout) => inner.Receive(frames, timeout);

    public void Wake() => inner.Wake();

    public int Send(ReadOnlySpan<TxFrame> frames) => _loses ? frames.Length : inner.Send(frames);

    public void Dispose() => inner.Dispose();
}
