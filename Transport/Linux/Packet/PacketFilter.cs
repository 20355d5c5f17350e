using static TcpActors.Transport.Linux.FilterOpcode;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// The classic BPF filters of the receive sockets. A frame is taken when it bears the mark of an owned flow, which only frames to this host
/// get; one to this host also when it is an ICMP error that tells a path MTU, or a fragment of TCP; everything else is the kernel's alone.
/// Offsets count from the Ethernet header: a VLAN tag has been taken out of the frame before.
/// </summary>
internal static unsafe class PacketFilter
{
    // linux/filter.h: what belongs to the packet but is not in it is read at negative offsets.
    private const uint PacketType = 0xffff_f000 + 4;
    private const uint PacketMark = 0xffff_f000 + 20;
    private const uint ToThisHost = 0;
    private const uint Everything = 1 << 20;

    /// <summary>From now on the socket takes what the filter lets through.</summary>
    /// <exception cref="Links.LinkException">The kernel refuses.</exception>
    public static void Attach(PacketDescriptor socket, FilterInstruction[] filter, string interfaceName)
    {
        fixed (FilterInstruction* instructions = filter)
        {
            var program = new FilterProgram { Length = (ushort)filter.Length, Instructions = instructions };
            PacketFailure.Check(
                SetOption(socket, LevelSocket, AttachFilter, &program, (uint)sizeof(FilterProgram)), interfaceName, "attach the filter");
        }
    }

    public static FilterInstruction[] ForIPv4(uint mark) =>
    [
        new(LoadWord, 0, 0, PacketMark),
        new(JumpEqual, 10, 0, mark),
        new(LoadWord, 0, 0, PacketType),
        new(JumpEqual, 0, 9, ToThisHost),
        new(LoadByte, 0, 0, 23),
        new(JumpEqual, 3, 0, 1),
        new(JumpEqual, 0, 6, 6),

        // RFC 791 3.1: more fragments, or an offset.
        new(LoadHalf, 0, 0, 20),
        new(JumpSet, 3, 4, 0x3fff),
        new(LoadHeaderLength, 0, 0, 14),

        // RFC 792: destination unreachable (3), fragmentation needed and DF set (4).
        new(LoadHalfIndexed, 0, 0, 14),
        new(JumpEqual, 0, 1, 0x0304),
        new(Return, 0, 0, Everything),
        new(Return, 0, 0, 0),
    ];

    /// <summary>
    /// Looks past one extension header for errors and fragments, which the parse then judges; what stands behind more is the kernel's
    /// alone. Unmarked TCP behind options is not taken: the kernel has it.
    /// </summary>
    public static FilterInstruction[] ForIPv6(uint mark) =>
    [
        new(LoadWord, 0, 0, PacketMark),
        new(JumpEqual, 16, 0, mark),
        new(LoadWord, 0, 0, PacketType),
        new(JumpEqual, 0, 15, ToThisHost),

        // RFC 8200 4.1: hop-by-hop options (0), routing (43), destination options (60), fragment (44).
        new(LoadByte, 0, 0, 20),
        new(JumpEqual, 6, 0, 0),
        new(JumpEqual, 5, 0, 43),
        new(JumpEqual, 4, 0, 60),
        new(JumpEqual, 6, 0, 44),
        new(JumpEqual, 0, 9, 58),

        // RFC 4443 3.2: packet too big (2).
        new(LoadByte, 0, 0, 54),
        new(JumpEqual, 6, 7, 2),

        // Each extension header begins with the number of the next one.
        new(LoadByte, 0, 0, 54),
        new(JumpEqual, 4, 0, 44),
        new(JumpEqual, 3, 4, 58),

        // RFC 8200 4.1: what is fragmented begins with TCP or with destination options.
        new(LoadByte, 0, 0, 54),
        new(JumpEqual, 1, 0, 6),
        new(JumpEqual, 0, 1, 60),
        new(Return, 0, 0, Everything),
        new(Return, 0, 0, 0),
    ];
}
