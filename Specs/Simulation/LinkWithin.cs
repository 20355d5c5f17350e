using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>Any other link, with something in between: whatever is not overridden goes to that link, which is disposed with this one.</summary>
internal abstract class LinkWithin(ILink inner) : ILink
{
    public string Name => Inner.Name;

    public MacAddress Address => Inner.Address;

    public int Mtu => Inner.Mtu;

    public LinkCapabilities Capabilities => Inner.Capabilities;

    public int MaxSuperSegment => Inner.MaxSuperSegment;

    public bool IsUp => Inner.IsUp;

    public LinkCounters Counters => Inner.Counters;

    public int LendingDepth => Inner.LendingDepth;

    protected ILink Inner { get; } = inner;

    public void Refresh() => Inner.Refresh();

    public virtual int Receive(Span<RxFrame> frames, Microseconds timeout) => Inner.Receive(frames, timeout);

    public void Wake() => Inner.Wake();

    public virtual int Send(ReadOnlySpan<TxFrame> frames) => Inner.Send(frames);

    public void Dispose() => Inner.Dispose();

    /// <summary>A copy of a whole frame.</summary>
    public static unsafe byte[] BytesOf(in TxFrame frame) =>
    [
        .. new ReadOnlySpan<byte>(frame.Header, frame.HeaderLength),
        .. new ReadOnlySpan<byte>(frame.Payload0, frame.Payload0Length),
        .. new ReadOnlySpan<byte>(frame.Payload1, frame.Payload1Length),
    ];
}
