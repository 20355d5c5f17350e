using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Linux;

/// <summary>
/// A Linux network interface as a link, through packet(7) sockets: receive queues behind the ingress program that marks owned flows, each
/// with a ring for IPv4 and one for IPv6, and a send socket under the owner's mark. Checksum and segmentation offload always work: what the
/// device cannot do, the kernel does.
/// </summary>
public sealed class PacketLink : ILink
{
    // A frame of 64 KiB or more, its Ethernet and 802.1Q header included, goes past the usual gso_max_size of a device: the kernel
    // would cut it into wire segments before handing it over.
    private const int LargestPacket = 65535 - 18;

    private readonly PacketInterface _device;
    private readonly List<PacketReceiver> _receivers = [];
    private readonly PacketTransmitter _transmitter;
    private volatile PacketInterfaceState _state;
    private long _txFrames;
    private long _txBytes;
    private long _txDropped;

    private PacketLink(string interfaceName, PacketLinkOptions options)
    {
        options.Validate();
        try
        {
            _device = PacketInterface.Open(interfaceName);
            _state = _device.Read() ?? throw new LinkException($"{interfaceName} has gone.");
            _transmitter = new PacketTransmitter(_device, options);
            for (int i = 0; i < options.Queues; i++)
            {
                _receivers.Add(new PacketReceiver(_device, options, _receivers.FirstOrDefault(), () => IsUp, Refresh));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name => _device.Name;

    /// <summary>The interface's index in the network namespace that the link was opened in.</summary>
    public int InterfaceIndex => _device.Index;

    public MacAddress Address => _state.Address;

    public int Mtu => _state.Mtu;

    public LinkCapabilities Capabilities => LinkCapabilities.ChecksumOffload | LinkCapabilities.SegmentationOffload;

    public int MaxSuperSegment => LargestPacket;

    public bool IsUp => _state.IsUp;

    public int LendingDepth => _receivers[0].LendingDepth;

    public int Depth => _receivers[0].Depth;

    public IReadOnlyList<IReceiveQueue> FurtherQueues => _receivers.Count > 1 ? _receivers[1..] : [];

    /// <inheritdoc/>
    public LinkCounters Counters => new(
        _receivers.Sum(receiver => receiver.Frames),
        _receivers.Sum(receiver => receiver.Bytes),
        _receivers.Sum(receiver => receiver.Dropped),
        Volatile.Read(ref _txFrames),
        Volatile.Read(ref _txBytes),
        Volatile.Read(ref _txDropped));

    /// <summary>
    /// Opens a link on an interface of the calling thread's network namespace, where it stays. Needs CAP_NET_RAW and CAP_NET_ADMIN.
    /// </summary>
    /// <exception cref="LinkException">No such interface, not Ethernet, no privilege, an option out of range; says what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">Not 64-bit Linux.</exception>
    public static PacketLink Open(string interfaceName, PacketLinkOptions options) =>
        OperatingSystem.IsLinux() && Environment.Is64BitProcess
            ? new PacketLink(interfaceName, options)
            : throw new PlatformNotSupportedException("A packet link needs 64-bit Linux. The in-memory link works everywhere.");

    /// <inheritdoc/>
    /// <remarks>A lost carrier shows in no other way, nor that the interface is up again before the next wait for frames.</remarks>
    public void Refresh() => _state = _device.Read() ?? _state with { IsUp = false };

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">When the link was disposed before the call.</exception>
    public int Receive(Span<RxFrame> frames, Microseconds timeout) => _receivers[0].Receive(frames, timeout);

    public void Wake() => _receivers[0].Wake();

    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        int sent = 0;
        if (_state.IsUp)
        {
            sent = _transmitter.Send(frames, out long bytes, out bool isDown);
            Interlocked.Add(ref _txFrames, sent);
            Interlocked.Add(ref _txBytes, bytes);
            if (isDown)
            {
                Refresh();
            }
        }

        if (sent != frames.Length)
        {
            Interlocked.Add(ref _txDropped, frames.Length - sent);
        }

        return sent;
    }

    /// <summary>Closes the sockets. Frames still lent stay valid until they are returned; a waiting <see cref="Receive"/> ends.</summary>
    public void Dispose()
    {
        _transmitter?.Dispose();
        _receivers.ForEach(receiver => receiver.Dispose());
        _device?.Dispose();
    }
}
