using System.Buffers.Binary;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using static TcpActors.Transport.Linux.FilterOpcode;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Bench.Lab;

/// <summary>What D-SACKs say.</summary>
/// <param name="Count">How many there were.</param>
/// <param name="Bytes">That came twice, by their blocks: one may stand for several segments.</param>
internal readonly record struct DuplicateReports(int Count, long Bytes);

/// <summary>
/// Captures the segments that arrive at an interface of the caller's network namespace with a D-SACK, by which a receiver says that a
/// segment came twice (RFC 2883). A filter in the kernel chooses them, and they are few enough to wait in the socket until the end; so the
/// stream that is measured pays nothing that could be seen. It would for a capture at the receiver's end, where every segment that leaves
/// is copied for it: a fifth of the speed.
/// </summary>
internal sealed unsafe class DuplicateCapture : IDisposable
{
    private const int Memory = 64 << 20;
    private const int Snap = 134;

    // Where things are in an Ethernet frame with IPv4 and TCP and, as Linux lays them out, timestamps before the SACK blocks.
    private const uint Acknowledgement = 42;
    private const uint Kind = 66;
    private const uint FirstLeft = 70;
    private const uint FirstRight = 74;
    private const uint SecondLeft = 78;
    private const uint SecondRight = 82;

    private const uint Sign = 1u << 31;

    private static readonly FilterInstruction[] s_filter =
    [
        // NOP, NOP, kind 5 and a length.
        new(LoadWord, 0, 0, Kind),
        new(And, 0, 0, 0xffff_ff00),
        new(JumpEqual, 0, 18, 0x0101_0500),

        // The first block is below the acknowledgement.
        new(LoadWord, 0, 0, Acknowledgement),
        new(CopyToX, 0, 0, 0),
        new(LoadWord, 0, 0, FirstLeft),
        new(SubtractX, 0, 0, 0),
        new(JumpSet, 12, 0, Sign),

        // Or there are two, and it is within the second.
        new(LoadByte, 0, 0, Kind + 3),
        new(JumpAtLeast, 0, 11, 18),
        new(LoadWord, 0, 0, SecondLeft),
        new(CopyToX, 0, 0, 0),
        new(LoadWord, 0, 0, FirstLeft),
        new(SubtractX, 0, 0, 0),
        new(JumpSet, 6, 0, Sign),
        new(LoadWord, 0, 0, FirstRight),
        new(CopyToX, 0, 0, 0),
        new(LoadWord, 0, 0, SecondRight),
        new(SubtractX, 0, 0, 0),
        new(JumpSet, 1, 0, Sign),
        new(Return, 0, 0, Snap),
        new(Return, 0, 0, 0),
    ];

    private readonly PacketDescriptor _socket;

    /// <exception cref="TcpActors.Transport.Links.LinkException">The kernel refuses.</exception>
    public DuplicateCapture(string interfaceName)
    {
        using var netlink = new RtNetlink();
        var address = new LinkLayerAddress
        {
            Family = AddressFamilyPacket,
            Protocol = BinaryPrimitives.ReverseEndianness(EtherTypeIPv4),
            InterfaceIndex = netlink.Link(interfaceName)!.Index,
        };
        _socket = PacketSystemCalls.Socket(AddressFamilyPacket, SocketRaw | SocketCloseOnExec | SocketNonBlocking, 0);
        int memory = Memory;
        PacketFailure.Check(
            SetOption(_socket, LevelSocket, ReceiveBufferForce, &memory, sizeof(int)), interfaceName, "give a capture memory");
        PacketFilter.Attach(_socket, s_filter, interfaceName);
        PacketFailure.Check(Bind(_socket, in address, 20), interfaceName, "capture");
    }

    /// <summary>RFC 2883 4: whether the first block is below the acknowledgement, or within the second block.</summary>
    public static bool IsDuplicateReport(SeqNum acknowledgement, in SackBlocks blocks) =>
        blocks.Count > 0
        && (blocks[0].Left < acknowledgement
            || (blocks.Count > 1 && blocks[0].Left >= blocks[1].Left && blocks[0].Right <= blocks[1].Right));

    /// <summary>What came since the last call.</summary>
    /// <exception cref="BenchException">Some were lost.</exception>
    public DuplicateReports Take()
    {
        int count = 0;
        long duplicates = 0;
        byte* frame = stackalloc byte[Snap];
        var vector = new IoVector { Base = frame, Length = Snap };
        var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
        while (ReceiveMessage(_socket, &message, 0) is > 0 and nint length)
        {
            var bytes = new ReadOnlySpan<byte>(frame, (int)length);
            if (IpFrame.TryParse(bytes, out IpFrame ip) && TcpSegment.TryParse(bytes[ip.PayloadOffset..], out TcpSegment segment)
                && IsDuplicateReport(segment.Ack, segment.Options.Sack))
            {
                count++;
                duplicates += segment.Options.Sack[0].Right - segment.Options.Sack[0].Left;
            }
        }

        RingStatistics statistics = default;
        uint size = (uint)sizeof(RingStatistics);
        int error = GetOption(_socket, LevelPacket, Statistics, &statistics, ref size);
        return error == 0 && statistics.Drops == 0
            ? new DuplicateReports(count, duplicates)
            : throw new BenchException($"The capture of D-SACKs lost {statistics.Drops} of {statistics.Packets}.");
    }

    public void Dispose() => _socket.Dispose();
}
