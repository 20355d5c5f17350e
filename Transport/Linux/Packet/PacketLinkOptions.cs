using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Linux;

/// <summary>How a <see cref="PacketLink"/> receives and sends.</summary>
public sealed record PacketLinkOptions
{
    internal const int MostQueues = 64;

    internal static readonly Microseconds LongestBusyPoll = Microseconds.FromSeconds(1);

    /// <summary>
    /// The mark of the TOE's incarnation: frames that bear it are received, and sent frames bear it (SO_MARK). Not 0, the mark of every
    /// frame that nobody marked.
    /// </summary>
    public required uint OwnedMark { get; init; }

    /// <summary>Receive queues, each with two rings and a thread of its own; the kernel spreads flows over them. 1 to 64.</summary>
    public int Queues { get; init; } = 1;

    /// <summary>
    /// Slots of each of the two rings of a queue, for IPv4 and for IPv6. Each ring is kernel memory of this times <see cref="SlotSize"/>,
    /// taken when the link is opened. As many as the kernel lets wait for a core (net.core.netdev_max_backlog): a larger ring leaves the
    /// processor's caches before the kernel comes round to a slot again.
    /// </summary>
    public int RingSlots { get; init; } = 1024;

    /// <summary>Bytes of one slot, a multiple of 16, at least 2,048. A frame that does not fit waits in its socket.</summary>
    public int SlotSize { get; init; } = 2048;

    /// <summary>
    /// Bytes of kernel memory that may wait in each of the two sockets, in frames that do not fit into a slot; what is beyond is dropped and
    /// counted. Where the kernel does not grant it (without CAP_NET_ADMIN in the initial user namespace) slots are large enough for every
    /// frame instead, and fewer.
    /// </summary>
    public int LongFrameMemory { get; init; } = 64 << 20;

    /// <summary>
    /// How long the receiving thread looks for frames before it sleeps, as long as that pays: a wake-up takes longer than most gaps within a
    /// conversation. It gives its core to any thread that wants it meanwhile. Zero: it sleeps at once.
    /// </summary>
    public Microseconds BusyPoll { get; init; } = new(50);

    /// <summary>Bytes that may wait in the kernel to be sent; without CAP_NET_ADMIN net.core.wmem_max bounds it.</summary>
    public int SendBufferSize { get; init; } = 4 << 20;

    /// <exception cref="LinkException">When a value is out of range.</exception>
    internal void Validate()
    {
        if (OwnedMark == 0)
        {
            throw new LinkException("OwnedMark is 0, which every unmarked frame has. Give each TOE a mark of its own.");
        }

        if (Queues is < 1 or > MostQueues)
        {
            throw new LinkException($"Queues is {Queues}: 1 to {MostQueues}.");
        }

        if (SlotSize < 2048 || SlotSize % 16 != 0 || SlotSize > 1 << 22)
        {
            throw new LinkException($"SlotSize is {SlotSize}: it must be a multiple of 16 from 2048 to {1 << 22}.");
        }

        if (LongFrameMemory is < 1 << 17 or > 1 << 30)
        {
            throw new LinkException($"LongFrameMemory is {LongFrameMemory}: 128 KiB to 1 GiB.");
        }

        if (BusyPoll < Microseconds.Zero || BusyPoll > LongestBusyPoll)
        {
            throw new LinkException($"BusyPoll is {BusyPoll}: 0 to 1 second.");
        }

        if (RingSlots < 2 || (long)RingSlots * SlotSize > 1 << 30)
        {
            throw new LinkException($"RingSlots is {RingSlots}: at least 2, and at most 1 GiB in all with slots of {SlotSize} bytes.");
        }
    }
}
