using System.Security.Cryptography;
using static TcpActors.Transport.Linux.FilterOpcode;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// The classic BPF programs that give each flow to one of several receive sockets: addresses and ports, stirred with a number that nobody
/// outside knows. The kernel's own way (PACKET_FANOUT_HASH) takes every frame apart for it, at twenty times the cost. Offsets count from the IP header.
/// </summary>
internal static unsafe class PacketSpread
{
    // Knuth, The Art of Computer Programming, 6.4: spreads neighbouring numbers; the upper bits are the good ones.
    private const uint GoldenRatio = 0x9e37_79b1;
    private static readonly uint s_secret = (uint)RandomNumberGenerator.GetInt32(int.MaxValue);

    /// <summary>From now on the group of the socket spreads what arrives by the program.</summary>
    /// <exception cref="Links.LinkException">The kernel refuses.</exception>
    public static void Attach(PacketDescriptor socket, FilterInstruction[] program, string interfaceName)
    {
        fixed (FilterInstruction* instructions = program)
        {
            var data = new FilterProgram { Length = (ushort)program.Length, Instructions = instructions };
            PacketFailure.Check(
                SetOption(socket, LevelPacket, FanoutData, &data, (uint)sizeof(FilterProgram)), interfaceName, "spread flows over its queues");
        }
    }

    /// <summary>RFC 791 3.1: two addresses; the ports behind a header of any length.</summary>
    public static FilterInstruction[] OfIPv4 =>
    [
        new(LoadWord, 0, 0, 12),
        new(CopyToX, 0, 0, 0),
        new(LoadWord, 0, 0, 16),
        new(XorX, 0, 0, 0),
        new(StoreMemory, 0, 0, 0),
        new(LoadHeaderLength, 0, 0, 0),
        new(LoadWordIndexed, 0, 0, 0),
        new(LoadXMemory, 0, 0, 0),
        new(XorX, 0, 0, 0),
        .. Stirred,
    ];

    /// <summary>
    /// RFC 8200 3: two addresses, and the ports where no extension header comes before them; what has one is spread by addresses alone.
    /// </summary>
    public static FilterInstruction[] OfIPv6 =>
    [
        new(LoadWord, 0, 0, 8),
        .. new uint[] { 12, 16, 20, 24, 28, 32, 36 }.SelectMany(offset => XorWord(offset)),
        new(StoreMemory, 0, 0, 0),
        new(LoadByte, 0, 0, 6),
        new(JumpEqual, 0, 4, 6),
        new(LoadXMemory, 0, 0, 0),
        new(LoadWord, 0, 0, 40),
        new(XorX, 0, 0, 0),
        new(StoreMemory, 0, 0, 0),
        new(LoadMemory, 0, 0, 0),
        .. Stirred,
    ];

    // The peer's port is in the upper half, and a product's lower bits know nothing of its factors' upper ones: a kernel that connects takes
    // every second port, which would all go one way.
    private static FilterInstruction[] Stirred =>
    [
        new(CopyToX, 0, 0, 0),
        new(ShiftRight, 0, 0, 16),
        new(XorX, 0, 0, 0),
        new(Xor, 0, 0, s_secret),
        new(Multiply, 0, 0, GoldenRatio),
        new(ShiftRight, 0, 0, 16),
        new(ReturnAccumulator, 0, 0, 0),
    ];

    private static FilterInstruction[] XorWord(uint offset) => [new(CopyToX, 0, 0, 0), new(LoadWord, 0, 0, offset), new(XorX, 0, 0, 0)];
}
