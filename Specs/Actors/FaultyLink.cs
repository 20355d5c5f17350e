using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Actors;

/// <summary>A link that loses everything, or throws, when told to.</summary>
internal sealed class FaultyLink(ILink inner) : ILink
{
    /// <summary>How many more times it throws.</summary>
    public int Throws { get; set; }

    public bool LosesAll { get; set; }

    public string Name => inner.Name;

    public MacAddress Address => inner.Address;

    public int Mtu => inner.Mtu;

    public LinkCapabilities Capabilities => inner.Capabilities;

    public int MaxSuperSegment => inner.MaxSuperSegment;

    public bool IsUp => inner.IsUp;

    public LinkCounters Counters => inner.Counters;

    public void Refresh() => inner.Refresh();

    public int Receive(Span<RxFrame> frames, Microseconds timeout) => inner.Receive(frames, timeout);

    public void Wake() => inner.Wake();

    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        if (Throws > 0)
        {
            Throws--;
            throw new InvalidOperationException("the link broke");
        }

        return LosesAll ? frames.Length : inner.Send(frames);
    }

    public void Dispose() => inner.Dispose();
}
