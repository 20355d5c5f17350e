using System.Security.Cryptography;

namespace TcpActors.Transport.Steering;

/// <summary>
/// The firewall marks (`SO_MARK`, `skb->mark`) of one process instance: a tag of 20 bits above a number of 12 bits, one per incarnation of a
/// TOE. By the tag alone a frame is known as ours, also when its flow was released and its TOE is gone, so that nobody has to remember
/// past incarnations; and one rule with <see cref="Mask"/> covers them all.
/// </summary>
/// <remarks>
/// The tag is drawn at random, because process ids repeat across pid namespaces that share an interface: two instances have the same one
/// once in a million. It is never zero, so marks below 4096 can not be ours. Thread-safe.
/// </remarks>
public sealed class IncarnationMarks
{
    /// <summary>How far the tag stands to the left.</summary>
    public const int TagShift = 12;

    /// <summary>The tag's bits.</summary>
    public const uint Mask = uint.MaxValue << TagShift;

    private int _last;

    public IncarnationMarks()
        : this((uint)RandomNumberGenerator.GetInt32(1, 1 << (32 - TagShift)) << TagShift)
    {
    }

    /// <param name="tag">Some or all bits of <see cref="Mask"/>, and no others.</param>
    /// <exception cref="ArgumentException">The tag is zero or has other bits.</exception>
    public IncarnationMarks(uint tag)
    {
        if (tag == 0 || (tag & ~Mask) != 0)
            throw new ArgumentException($"A tag of incarnation marks has bits of 0x{Mask:x8} only, and at least one; not 0x{tag:x8}.", nameof(tag));
        Tag = tag;
    }

    /// <summary>What all marks of this instance have in the bits of <see cref="Mask"/>.</summary>
    public uint Tag { get; }

    /// <summary>
    /// A mark for a new incarnation of a TOE. Numbers are used again after 4,095 incarnations; by then the earlier bearer is long gone.
    /// </summary>
    public uint Next() => Tag | (uint)(((Interlocked.Increment(ref _last) - 1) & int.MaxValue) % (int)~Mask + 1);

    /// <summary>Is this a mark of this instance?</summary>
    public bool Contains(uint mark) => (mark & Mask) == Tag;
}
