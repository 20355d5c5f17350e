using TcpActors.Transport.Links;

namespace TcpActors.Transport.Linux;

/// <summary>How a <see cref="PacketLink"/> receives and sends.</summary>
public sealed record PacketLinkOptions
{
    /// <summary>
    /// The mark of the TOE's incarnation: frames that bear it are received, and sent frames bear it (SO_MARK). Not 0, the mark of every
    /// frame that nobody marked.
    /// </summary>
    public required uint OwnedMark { get; init; }

    /// <summary>
    /// Slots of each of the two rings, for IPv4 and for IPv6. Each ring is kernel memory of this times <see cref="SlotSize"/>, taken when
    /// the link is opened.
    /// </summary>
    public int RingSlots { get; init; } = 256;

    /// <summary>
    /// Bytes of one slot, a multiple of 16, at least 2,048; 128 KiB hold any super-segment of 64 KiB. A frame that does not fit is dropped
    /// and counted.
    /// </summary>
    public int SlotSize { get; init; } = 128 * 1024;

    /// <summary>Bytes that may wait in the kernel to be sent; without CAP_NET_ADMIN net.core.wmem_max bounds it.</summary>
    public int SendBufferSize { get; init; } = 4 << 20;

    /// <exception cref="LinkException">When a value is out of range.</exception>
    internal void Validate()
    {
        if (OwnedMark == 0)
        {
            throw new LinkException("OwnedMark is 0, which every unmarked frame has. Give each TOE a mark of its own.");
        }

        if (SlotSize < 2048 || SlotSize % 16 != 0 || SlotSize > 1 << 22)
        {
            throw new LinkException($"SlotSize is {SlotSize}: it must be a multiple of 16 from 2048 to {1 << 22}.");
        }

        if (RingSlots < 2 || (long)RingSlots * SlotSize > 1 << 30)
        {
            throw new LinkException($"RingSlots is {RingSlots}: at least 2, and at most 1 GiB in all with slots of {SlotSize} bytes.");
        }
    }
}
