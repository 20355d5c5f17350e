using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Links;

/// <summary>What the link knows about the transport checksum of a received frame.</summary>
public enum ChecksumStatus : byte
{
    /// <summary>Nobody has looked: whoever consumes the frame verifies it.</summary>
    Unverified,

    /// <summary>Verified, or sent by a stack on this machine that left it to hardware that is not there: nothing to verify.</summary>
    Good,
}

/// <summary>
/// One received frame, lent by a link. Its bytes stay valid until <see cref="Return"/>, which must be called exactly once, from any
/// thread. A super-segment (GRO, or a peer's segmentation offload) is one frame of up to 64 KiB with <see cref="SegmentSize"/> set.
/// </summary>
public unsafe struct RxFrame
{
    /// <summary>First byte of the Ethernet header.</summary>
    public byte* Data;

    /// <summary>Bytes of the frame, those that are not at <see cref="Data"/> included.</summary>
    public int Length;

    /// <summary>
    /// How many of its last bytes are not at <see cref="Data"/>: the link copies them to their place when somebody knows it. 0: all are there;
    /// else all headers are, unless they are uncommonly long.
    /// </summary>
    public int Missing;

    /// <summary>Who has the missing bytes; null when none are missing.</summary>
    public IFrameBytes? Rest;

    /// <summary>Payload of each segment that was merged into this frame, in bytes; 0 when the frame is one segment.</summary>
    public ushort SegmentSize;

    /// <summary>802.1Q tag control information that the link holds beside the frame; valid when <see cref="HasVlanTag"/>.</summary>
    public ushort VlanTci;

    public bool HasVlanTag;

    public ChecksumStatus Checksum;

    /// <summary>The owner's name for the frame's memory.</summary>
    public int Token;

    public IRxFrameOwner Owner;

    /// <summary>What is at <see cref="Data"/>: the whole frame unless some of it is <see cref="Missing"/>.</summary>
    public readonly ReadOnlySpan<byte> Bytes => new(Data, Length - Missing);

    /// <summary>A part of the frame, wherever its bytes are.</summary>
    public readonly SegmentBytes Slice(int offset, int length)
    {
        int inMemory = Math.Clamp(Length - Missing - offset, 0, length);
        return inMemory == length
            ? Bytes.Slice(offset, length)
            : new SegmentBytes(Bytes.Slice(Math.Min(offset, Length - Missing), inMemory), length, Rest!, Token, offset);
    }

    public readonly void Return() => Owner.Return(Token);
}

/// <summary>Who lent a frame and takes it back.</summary>
public interface IRxFrameOwner
{
    /// <summary>Gives the memory of one frame back. Any thread.</summary>
    void Return(int token);
}
