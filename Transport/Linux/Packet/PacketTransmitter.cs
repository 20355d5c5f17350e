using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Transport.Links;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// The send socket: bound to no protocol, so that it receives nothing, and marked, so that the send fence lets it pass. Frames go through
/// the queueing discipline like everybody's. Each call builds its message headers on its own stack: threads do not wait for each other.
/// </summary>
internal sealed unsafe class PacketTransmitter : IDisposable
{
    private const int Batch = 32;
    private const int VectorsPerFrame = 4;
    private const ushort TcpChecksumOffset = 16;

    private readonly PacketDescriptor _socket;

    /// <exception cref="LinkException">When the kernel refuses.</exception>
    public PacketTransmitter(PacketInterface device, PacketLinkOptions options)
    {
        _socket = Socket(AddressFamilyPacket, SocketRaw | SocketCloseOnExec | SocketNonBlocking, 0);
        try
        {
            if (_socket.IsInvalid)
            {
                throw PacketFailure.Last(device.Name, "open a packet socket");
            }

            int one = 1;
            PacketFailure.Check(SetOption(_socket, LevelPacket, VirtioHeader, &one, sizeof(int)), device.Name, "send with offloads");
            uint mark = options.OwnedMark;
            PacketFailure.Check(SetOption(_socket, LevelSocket, Mark, &mark, sizeof(uint)), device.Name, "mark sent frames");

            // Forcing needs CAP_NET_ADMIN of the initial user namespace.
            int size = options.SendBufferSize;
            if (SetOption(_socket, LevelSocket, SendBufferForce, &size, sizeof(int)) != 0)
            {
                PacketFailure.Check(SetOption(_socket, LevelSocket, SendBuffer, &size, sizeof(int)), device.Name, "size the send buffer");
            }

            var address = new LinkLayerAddress { Family = AddressFamilyPacket, InterfaceIndex = device.Index };
            PacketFailure.Check(Bind(_socket, in address, 20), device.Name, "bind a packet socket");
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends frames in order; any thread.</summary>
    /// <param name="frames">The frames, in the order of the wire.</param>
    /// <param name="bytes">The bytes of the frames that were sent.</param>
    /// <param name="isDown">Whether the kernel said that the interface is down or gone; the frames after that were not tried.</param>
    /// <returns>How many frames the kernel took.</returns>
    public int Send(ReadOnlySpan<TxFrame> frames, out long bytes, out bool isDown)
    {
        bytes = 0;
        isDown = false;
        int sent = 0;
        while (!frames.IsEmpty && !isDown)
        {
            ReadOnlySpan<TxFrame> batch = frames[..Math.Min(frames.Length, Batch)];
            sent += SendBatch(batch, ref bytes, out isDown);
            frames = frames[batch.Length..];
        }

        return sent;
    }

    public void Dispose() => _socket.Dispose();

    [SkipLocalsInit]
    private int SendBatch(ReadOnlySpan<TxFrame> frames, ref long bytes, out bool isDown)
    {
        MessageHeader* messages = stackalloc MessageHeader[Batch];
        IoVector* vectors = stackalloc IoVector[Batch * VectorsPerFrame];
        VirtioNetHeader* offloads = stackalloc VirtioNetHeader[Batch];
        for (int i = 0; i < frames.Length; i++)
        {
            ref readonly TxFrame frame = ref frames[i];
            offloads[i] = Offload(in frame);
            messages[i] = new MessageHeader { Vectors = vectors, VectorCount = Gather(in frame, &offloads[i], vectors) };
            vectors += VectorsPerFrame;
        }

        int sent = 0;
        int at = 0;
        isDown = false;
        while (at < frames.Length)
        {
            int count = SendMessages(_socket, messages + at, (uint)(frames.Length - at), DoNotWait);
            if (count > 0)
            {
                sent += count;
                for (int end = at + count; at < end; at++)
                {
                    bytes += frames[at].Length;
                }

                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            isDown = errno is PacketFailure.NetworkDown or PacketFailure.NoDevice or PacketFailure.NoDeviceOrAddress;
            if (isDown || errno == PacketFailure.TryAgain)
            {
                // The send buffer is full, or there is no interface: the rest would fare no better.
                break;
            }

            // ENOBUFS: the send fence or the queueing discipline dropped this frame (another flow's may pass); EMSGSIZE: beyond the MTU.
            at += errno == PacketFailure.Interrupted ? 0 : 1;
        }

        return sent;
    }

    private static VirtioNetHeader Offload(in TxFrame frame)
    {
        VirtioNetHeader header = default;
        if (frame.ChecksumPartial)
        {
            header.Flags = VirtioNeedsChecksum;
            header.ChecksumStart = (ushort)frame.TransportOffset;
            header.ChecksumOffset = TcpChecksumOffset;
        }

        if (frame.SegmentSize != 0)
        {
            header.SegmentationType = frame.IsIPv4 ? VirtioTcpV4 : VirtioTcpV6;
            header.SegmentSize = (ushort)frame.SegmentSize;
            header.HeaderLength = (ushort)frame.HeaderLength;
        }

        return header;
    }

    private static int Gather(in TxFrame frame, VirtioNetHeader* offload, IoVector* vectors)
    {
        vectors[0] = new IoVector { Base = offload, Length = sizeof(VirtioNetHeader) };
        vectors[1] = new IoVector { Base = frame.Header, Length = frame.HeaderLength };
        int count = 2;
        if (frame.Payload0Length != 0)
        {
            vectors[count++] = new IoVector { Base = frame.Payload0, Length = frame.Payload0Length };
        }

        if (frame.Payload1Length != 0)
        {
            vectors[count++] = new IoVector { Base = frame.Payload1, Length = frame.Payload1Length };
        }

        return count;
    }
}
