using TcpActors.Transport.Steering;

namespace TcpActors.Transport.Linux.Bpf;

/// <summary>
/// The two programs on an interface. Both find a frame's flow the same way and return TCX_NEXT for all that they do not stop, so that other
/// parties' programs still run.
/// </summary>
/// <remarks>
/// Not recognised, hence never owned: fragments (only the first has ports), IPv6 packets with more than six extension headers or with
/// others than options and a routing header that ends here (RFC 8200 4), frames with more than one VLAN tag inside. A sent flow is its
/// addresses and ports, whatever its VLAN.
/// </remarks>
internal static class SteeringPrograms
{
    private const int TcxNext = -1, TcxDrop = 2;

    // Offsets in struct __sk_buff, and the origins of bpf_skb_load_bytes_relative (uapi/linux/bpf.h).
    private const int SkbPacketType = 4, SkbMark = 8, SkbProtocol = 16, SkbVlanTag = 24;
    private const int FromMacHeader = 0, FromNetworkHeader = 1;

    // uapi/linux/if_packet.h: whom a frame is for.
    private const int ToThisHost = 0, ToOtherHost = 3;

    // IEEE 802.1Q: the number of a VLAN. With 0 the tag tells a priority, and the frame belongs to the interface itself.
    private const int VlanNumber = 0x0fff;

    private const ushort Ipv4 = 0x0800, Ipv6 = 0x86dd, VlanTag = 0x8100, ServiceVlanTag = 0x88a8;
    private const int Tcp = 6, HopByHopOptions = 0, Routing = 43, DestinationOptions = 60;
    private const int Ipv4Length = 20, Ipv6Length = 40;
    private const int MaxExtensionHeaders = 6;

    // The stack: the key on top, below it room for the longest header. Both on 8 bytes.
    private const int Key = -FlowMapKey.Size, Header = Key - Ipv6Length;

    // What survives calls.
    private const Register Skb = Register.R6, Origin = Register.R7, NetworkOffset = Register.R8, TransportOffset = Register.R9;

    private enum Direction { Receive, Send }

    /// <summary>
    /// Sets the mark of a frame to this host whose flow is owned to its owner's incarnation; frames of a VLAN are another interface's. Unless told
    /// otherwise it also says that the frame is for another host: the kernel's IP drops such frames before anything else looks at them, raw
    /// sockets have them all the same.
    /// </summary>
    public static ulong[] MarkOwned(int flows, int counters, bool dropInKernel)
    {
        var program = new BpfAssembler();
        var next = program.NewLabel();

        FindFlow(program, Direction.Receive, next);
        LookUp(program, flows);
        program
            .GoTo(next, Register.R0, When.Equal, 0)
            .Read(Width.Word, Register.R2, Skb, SkbPacketType)
            .GoTo(next, Register.R2, When.NotEqual, ToThisHost)
            .Read(Width.Word, Register.R2, Skb, SkbVlanTag)
            .GoTo(next, Register.R2, When.BitsSet, VlanNumber)
            .Read(Width.Word, Register.R1, Register.R0, 0)
            .Write(Width.Word, Skb, SkbMark, Register.R1);
        Count(program, counters, SteeringCounter.Marked);
        if (dropInKernel)
            program.Copy(Register.R1, Skb).Set(Register.R2, ToOtherHost).Call(Helper.SkbChangeType);
        return program.Place(next).Set(Register.R0, TcxNext).Exit().Build();
    }

    /// <summary>
    /// The send fence: stops a frame of an owned flow without the owner's mark, and one with a mark of ours whose flow is not owned.
    /// </summary>
    public static ulong[] FenceOwned(int flows, int counters, IncarnationMarks marks)
    {
        var program = new BpfAssembler();
        var next = program.NewLabel();
        var notOwned = program.NewLabel();

        FindFlow(program, Direction.Send, next);
        LookUp(program, flows);
        program
            .Read(Width.Word, Register.R1, Skb, SkbMark)
            .GoTo(notOwned, Register.R0, When.Equal, 0)
            .Read(Width.Word, Register.R2, Register.R0, 0)
            .GoTo(next, Register.R1, When.Equal, Register.R2);
        Count(program, counters, SteeringCounter.Fenced);
        program.Set(Register.R0, TcxDrop).Exit();

        program
            .Place(notOwned)
            .ShiftRightBy(Register.R1, IncarnationMarks.TagShift)
            .GoTo(next, Register.R1, When.NotEqual, (int)(marks.Tag >> IncarnationMarks.TagShift));
        Count(program, counters, SteeringCounter.Stale);
        program.Set(Register.R0, TcxDrop).Exit();

        return program.Place(next).Set(Register.R0, TcxNext).Exit().Build();
    }

    // Leaves the flow's key on the stack; jumps to `next` when the frame is not TCP that we can tell the flow of.
    private static void FindFlow(BpfAssembler program, Direction direction, Label next)
    {
        var isIp = program.NewLabel();
        var isIpv6 = program.NewLabel();
        var found = program.NewLabel();

        program
            .Copy(Skb, Register.R1)
            .Set(Origin, FromNetworkHeader)
            .Set(NetworkOffset, 0);
        for (var at = Key; at < 0; at += sizeof(ulong))
            program.WriteConstant(Width.Double, Register.FramePointer, at, 0);

        // Tags are normally in the packet's metadata, and the protocol is that of the network layer. Only what a raw socket sends with
        // the tag in the frame has the tag's protocol here, and a stale TOE must not get by with it.
        program
            .Read(Width.Word, Register.R1, Skb, SkbProtocol)
            .GoTo(isIp, Register.R1, When.Equal, Network(Ipv4))
            .GoTo(isIpv6, Register.R1, When.Equal, Network(Ipv6));
        var tagged = program.NewLabel();
        program
            .GoTo(tagged, Register.R1, When.Equal, Network(VlanTag))
            .GoTo(next, Register.R1, When.NotEqual, Network(ServiceVlanTag))
            .Place(tagged)
            .Set(Origin, FromMacHeader)
            .Set(NetworkOffset, 16);
        LoadHeader(program, NetworkOffset, sizeof(ushort), next);
        program
            .Set(NetworkOffset, 18)
            .Read(Width.Half, Register.R1, Register.FramePointer, Header)
            .GoTo(isIpv6, Register.R1, When.Equal, Network(Ipv6))
            .GoTo(next, Register.R1, When.NotEqual, Network(Ipv4));

        program.Place(isIp);
        LoadHeader(program, NetworkOffset, Ipv4Length, next);
        Ipv4Addresses(program, direction, next);
        program.GoTo(found);

        program.Place(isIpv6);
        LoadHeader(program, NetworkOffset, Ipv6Length, next);
        Ipv6Addresses(program, direction);
        PassExtensionHeaders(program, found, next);

        program.Place(found);
        LoadHeader(program, TransportOffset, 2 * sizeof(ushort), next);
        var (localPort, remotePort) = direction == Direction.Receive ? (2, 0) : (0, 2);
        program
            .Read(Width.Half, Register.R1, Register.FramePointer, Header + localPort)
            .Write(Width.Half, Register.FramePointer, Key + FlowMapKey.LocalPortOffset, Register.R1)
            .Read(Width.Half, Register.R1, Register.FramePointer, Header + remotePort)
            .Write(Width.Half, Register.FramePointer, Key + FlowMapKey.RemotePortOffset, Register.R1);
    }

    private static void Ipv4Addresses(BpfAssembler program, Direction direction, Label next)
    {
        const int FragmentBits = 0x3fff, FragmentAt = 6, ProtocolAt = 9, SourceAt = 12, DestinationAt = 16;

        var (localAt, remoteAt) = direction == Direction.Receive ? (DestinationAt, SourceAt) : (SourceAt, DestinationAt);
        program
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + ProtocolAt)
            .GoTo(next, Register.R1, When.NotEqual, Tcp)
            .Read(Width.Half, Register.R1, Register.FramePointer, Header + FragmentAt)
            .GoTo(next, Register.R1, When.BitsSet, Network(FragmentBits))
            // RFC 791 3.1: the header's length in words of four bytes is the low half of the first byte.
            .Read(Width.Byte, TransportOffset, Register.FramePointer, Header)
            .AndWith(TransportOffset, 0x0f)
            .ShiftLeftBy(TransportOffset, 2)
            .AddTo(TransportOffset, NetworkOffset);
        foreach (var (from, to) in new[] { (localAt, FlowMapKey.LocalAddressOffset), (remoteAt, FlowMapKey.RemoteAddressOffset) })
        {
            // RFC 4291 2.5.5.2: ::ffff:a.b.c.d
            program
                .WriteConstant(Width.Half, Register.FramePointer, Key + to + 10, 0xffff)
                .Read(Width.Word, Register.R1, Register.FramePointer, Header + from)
                .Write(Width.Word, Register.FramePointer, Key + to + 12, Register.R1);
        }
    }

    private static void Ipv6Addresses(BpfAssembler program, Direction direction)
    {
        const int SourceAt = 8, DestinationAt = 24;

        var (localAt, remoteAt) = direction == Direction.Receive ? (DestinationAt, SourceAt) : (SourceAt, DestinationAt);
        foreach (var (from, to) in new[] { (localAt, FlowMapKey.LocalAddressOffset), (remoteAt, FlowMapKey.RemoteAddressOffset) })
        {
            for (var half = 0; half < 16; half += sizeof(ulong))
            {
                program
                    .Read(Width.Double, Register.R1, Register.FramePointer, Header + from + half)
                    .Write(Width.Double, Register.FramePointer, Key + to + half, Register.R1);
            }
        }
    }

    // Leads to `found` with the offset of the TCP header. A loop, which the verifier follows round by round, as it knows the count.
    private static void PassExtensionHeaders(BpfAssembler program, Label found, Label next)
    {
        const int FixedNextHeaderAt = 6, NextHeaderAt = 0, LengthAt = 1, SegmentsLeftAt = 3, ExtensionLength = 4, KindAt = 8;
        const Register HeadersLeft = NetworkOffset;
        var isLeft = program.NewLabel();
        var isPassable = program.NewLabel();
        var isNoRouting = program.NewLabel();

        program
            .Copy(TransportOffset, NetworkOffset)
            .AddTo(TransportOffset, Ipv6Length)
            .Set(HeadersLeft, MaxExtensionHeaders)
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + FixedNextHeaderAt)
            .Place(isLeft)
            .GoTo(found, Register.R1, When.Equal, Tcp)
            .GoTo(isPassable, Register.R1, When.Equal, DestinationOptions)
            .GoTo(isPassable, Register.R1, When.Equal, HopByHopOptions)
            .GoTo(next, Register.R1, When.NotEqual, Routing)
            .Place(isPassable)
            .GoTo(next, HeadersLeft, When.Equal, 0)
            .AddTo(HeadersLeft, -1)
            .Write(Width.Byte, Register.FramePointer, Header + KindAt, Register.R1);
        LoadHeader(program, TransportOffset, ExtensionLength, next);
        program
            // RFC 8200 4.4: with segments left the packet's way does not end here, so its destination address is not the flow's.
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + KindAt)
            .GoTo(isNoRouting, Register.R1, When.NotEqual, Routing)
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + SegmentsLeftAt)
            .GoTo(next, Register.R1, When.NotEqual, 0)
            .Place(isNoRouting)
            // RFC 8200 4.3: in units of eight bytes, without the first eight.
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + LengthAt)
            .AddTo(Register.R1, 1)
            .ShiftLeftBy(Register.R1, 3)
            .AddTo(TransportOffset, Register.R1)
            .Read(Width.Byte, Register.R1, Register.FramePointer, Header + NextHeaderAt)
            .GoTo(isLeft);
    }

    // Copies part of the frame to the stack: unlike direct access this works on frames in several pieces too, and does not change them.
    private static void LoadHeader(BpfAssembler program, Register offset, int length, Label whenTooShort) => program
        .Copy(Register.R1, Skb)
        .Copy(Register.R2, offset)
        .Copy(Register.R3, Register.FramePointer)
        .AddTo(Register.R3, Header)
        .Set(Register.R4, length)
        .Copy(Register.R5, Origin)
        .Call(Helper.SkbLoadBytesRelative)
        .GoTo(whenTooShort, Register.R0, When.NotEqual, 0);

    private static void LookUp(BpfAssembler program, int flows) => program
        .LoadMap(Register.R1, flows)
        .Copy(Register.R2, Register.FramePointer)
        .AddTo(Register.R2, Key)
        .Call(Helper.MapLookupElement);

    // Each CPU has its own counters, and nothing else of ours runs on it meanwhile: no atomic addition is needed.
    private static void Count(BpfAssembler program, int counters, SteeringCounter counter)
    {
        var missing = program.NewLabel();
        program
            .WriteConstant(Width.Word, Register.FramePointer, Header, (int)counter)
            .LoadMap(Register.R1, counters)
            .Copy(Register.R2, Register.FramePointer)
            .AddTo(Register.R2, Header)
            .Call(Helper.MapLookupElement)
            .GoTo(missing, Register.R0, When.Equal, 0)
            .Read(Width.Double, Register.R1, Register.R0, 0)
            .AddTo(Register.R1, 1)
            .Write(Width.Double, Register.R0, 0, Register.R1)
            .Place(missing);
    }

    // A 16-bit number of the wire, as a program sees it that reads it in the machine's (little-endian) order.
    private static int Network(ushort value) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);
}
