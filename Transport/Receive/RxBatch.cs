using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>Frames that a link handed over at once: what travels through the channel to the dispatcher.</summary>
internal sealed class RxBatch
{
    public const int Capacity = 64;

    public RxFrame[] Frames { get; } = new RxFrame[Capacity];

    public int Count { get; set; }
}
