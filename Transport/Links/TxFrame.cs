namespace TcpActors.Transport.Links;

/// <summary>
/// One frame to send: headers and up to two slices of payload, which the link gathers. The memory must stay valid during the call of
/// <see cref="ILink.Send"/> only. With <see cref="SegmentSize"/> set it is a super-segment, for a link that has
/// <see cref="LinkCapabilities.SegmentationOffload"/>: its length fields are those of the whole, the kernel or the peer cuts it.
/// </summary>
public unsafe struct TxFrame
{
    /// <summary>Ethernet, IP and TCP header.</summary>
    public byte* Header;

    public int HeaderLength;

    public byte* Payload0;
    public int Payload0Length;

    public byte* Payload1;
    public int Payload1Length;

    /// <summary>Payload of each segment in bytes; 0: the frame is one segment.</summary>
    public int SegmentSize;

    /// <summary>Offset of the TCP header in the frame.</summary>
    public int TransportOffset;

    public bool IsIPv4;

    /// <summary>
    /// Whether the TCP checksum field holds only the pseudo-header's sum and the link completes it (a link with
    /// <see cref="LinkCapabilities.ChecksumOffload"/>).
    /// </summary>
    public bool ChecksumPartial;

    public readonly int Length => HeaderLength + Payload0Length + Payload1Length;
}
