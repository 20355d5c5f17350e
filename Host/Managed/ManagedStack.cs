using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// A host's TCP stack in C#, for a link that no kernel stands on: what reaches it belongs to no flow of a TOE. It sets connections up and
/// tears them down; in between each is a <see cref="ManagedHalf"/>, which runs it with the same engine as a TOE or has given it to one.
/// Its first form: neighbours are given, fragments and ICMP are counted and ignored. Any thread.
/// </summary>
internal sealed class ManagedStack : IHostStackInput, IDisposable
{
    /// <summary>RFC 6335 6: the dynamic ports.</summary>
    private const int FirstDynamicPort = 49152;
    private const int DynamicPorts = 65536 - FirstDynamicPort;

    private readonly ConcurrentDictionary<FlowKey, StackFlow> _flows = new();
    private readonly ConcurrentDictionary<(InternetAddress Address, ushort Port), ManagedListener> _listeners = new();
    private readonly HashSet<InternetAddress> _addresses;
    private int _ipId;
    private int _portsTried;

    /// <exception cref="ArgumentException">When the secret is too short.</exception>
    public ManagedStack(ManagedStackOptions options)
    {
        Options = options;
        Secrets = new FlowSecrets(options.Secret.Span);
        Paths = new ManagedPaths(options.Link.Address, options.Encapsulation, options.Link.Mtu);
        _addresses = [.. options.Addresses.Select(InternetAddress.From)];
    }

    public ManagedStackOptions Options { get; }

    public ManagedStackCounters Counters { get; } = new();

    public Microseconds Now => Options.Clock.Now;

    /// <summary>How many connections there are, half-open ones and those in TIME-WAIT among them.</summary>
    public int Count => _flows.Count;

    /// <summary>Next hops and paths, also of the flows that TOEs own.</summary>
    internal ManagedPaths Paths { get; }

    internal FlowSecrets Secrets { get; }

    internal bool IsDisposed { get; private set; }

    /// <summary>The state of a connection; <see cref="TcpState.Closed"/> when there is none of that name.</summary>
    public TcpState StateOf(in FlowKey flow) => _flows.TryGetValue(flow, out StackFlow? found) ? found.State : TcpState.Closed;

    /// <summary>Says which MAC address an IP address on this link has from now on, also to the connections that the host owns.</summary>
    public void SetNeighbor(IPAddress address, MacAddress mac)
    {
        InternetAddress neighbor = InternetAddress.From(address);
        Paths.SetNeighbor(neighbor, mac);
        foreach (StackFlow flow in _flows.Values)
        {
            if (flow is ManagedHalf half && half.Flow.RemoteAddress == neighbor)
            {
                half.PathChanged();
            }
        }
    }

    /// <summary>Listens (RFC 9293 3.10.1, passive OPEN).</summary>
    /// <param name="local">An own address and port, or the wildcard address of a family.</param>
    /// <param name="backlog">Connections that are half-open or wait to be accepted, at most; SYNs beyond that are dropped.</param>
    /// <exception cref="SocketException">AddressAlreadyInUse, or AddressNotAvailable when it is not an address of this host.</exception>
    public ManagedListener Listen(IPEndPoint local, int backlog = 128)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        InternetAddress address = InternetAddress.From(local.Address);
        if (!IsWildcard(local.Address) && !_addresses.Contains(address))
        {
            throw new SocketException((int)SocketError.AddressNotAvailable);
        }

        var listener = new ManagedListener(this, local, backlog);
        return _listeners.TryAdd((address, (ushort)local.Port), listener)
            ? listener
            : throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    /// <summary>Connects (RFC 9293 3.10.1, active OPEN).</summary>
    /// <param name="remote">The peer; its neighbour entry must be there.</param>
    /// <param name="cancellation">Gives the attempt up.</param>
    /// <returns>The connection, once it is established.</returns>
    /// <exception cref="SocketException">
    /// HostUnreachable without a neighbour entry, AddressNotAvailable without an own address of that family or a free port,
    /// ConnectionRefused after an RST, TimedOut without an answer.
    /// </exception>
    public Task<ManagedHalf> ConnectAsync(IPEndPoint remote, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        InternetAddress remoteAddress = InternetAddress.From(remote.Address);
        InternetAddress? own = _addresses.Where(a => a.IsIPv4 == remoteAddress.IsIPv4).Select(a => (InternetAddress?)a).FirstOrDefault();
        if (own is not { } localAddress)
        {
            return Task.FromException<ManagedHalf>(new SocketException((int)SocketError.AddressNotAvailable));
        }

        if (!Paths.TryGetNeighbor(remoteAddress, out _))
        {
            return Task.FromException<ManagedHalf>(new SocketException((int)SocketError.HostUnreachable));
        }

        var name = new FlowKey(localAddress, remoteAddress, 0, (ushort)remote.Port);
        uint offset = Secrets.PortOffset(in name);
        for (int i = 0; i < DynamicPorts; i++)
        {
            // RFC 6056 3.3.3: a hash of the peer and a count, so that ports are neither guessable nor soon used again.
            uint step = offset + (uint)Interlocked.Increment(ref _portsTried);
            var opening = new ActiveOpening(this, name with { LocalPort = (ushort)(FirstDynamicPort + (step % DynamicPorts)) });
            if (_flows.TryAdd(opening.Flow, opening))
            {
                return opening.OpenAsync(cancellation);
            }
        }

        return Task.FromException<ManagedHalf>(new SocketException((int)SocketError.AddressNotAvailable));
    }

    /// <inheritdoc/>
    /// <remarks>The dispatcher has verified lengths and the TCP checksum.</remarks>
    public void FrameReceived(in RxFrame frame)
    {
        ReadOnlySpan<byte> bytes = frame.Bytes;
        if (!IpFrame.TryParse(bytes, out IpFrame ip))
        {
            ManagedStackCounters.Count(ref Counters.NotIp);
            return;
        }

        if (!IsAddressee(in frame, in ip))
        {
            ManagedStackCounters.Count(ref Counters.NotForUs);
            return;
        }

        IpPacket packet = ip.Packet;
        Receive(in packet, bytes.Slice(ip.NetworkOffset, packet.Length), frame.SegmentSize);
    }

    /// <inheritdoc/>
    public bool IsAddressee(in RxFrame frame, in IpFrame ip)
    {
        // IEEE 802.1Q: a frame without a tag, and one with VLAN id 0, is of no particular VLAN. RFC 9293 3.9.2.3: what is broadcast or
        // multicast is not for TCP.
        int vlan = frame.HasVlanTag ? frame.VlanTci & 0xfff : ip.Encapsulation.VlanId;
        return vlan == Options.Encapsulation.VlanId && ip.DestinationMac == Options.Link.Address;
    }

    /// <summary>Takes an IP packet that a TOE hands back.</summary>
    public void PacketReceived(ReadOnlySpan<byte> ipPacket)
    {
        if (IpPacket.TryParse(ipPacket, out IpPacket packet))
        {
            Receive(in packet, ipPacket[..packet.Length], segmentSize: 0);
        }
        else
        {
            ManagedStackCounters.Count(ref Counters.NotIp);
        }
    }

    /// <summary>Ends every connection with an RST and stops listening.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        foreach (ManagedListener listener in _listeners.Values)
        {
            listener.Dispose();
        }

        foreach (StackFlow flow in _flows.Values)
        {
            flow.Abandon();
        }
    }

    internal bool TryAdd(StackFlow flow) => _flows.TryAdd(flow.Flow, flow);

    internal void Replace(StackFlow former, StackFlow next) => _flows.TryUpdate(former.Flow, next, former);

    internal void Remove(StackFlow flow) => _flows.TryRemove(KeyValuePair.Create(flow.Flow, flow));

    internal void StopListening(ManagedListener listener)
    {
        _listeners.TryRemove(KeyValuePair.Create((InternetAddress.From(listener.Local.Address), (ushort)listener.Local.Port), listener));
        foreach (StackFlow flow in _flows.Values)
        {
            if (flow is PassiveOpening opening && ReferenceEquals(opening.Listener, listener))
            {
                opening.Abandon();
            }
        }
    }

    /// <summary>Sets an entry's timer; Never: none.</summary>
    internal void Schedule(TimerEntry entry, Microseconds due)
    {
        if (Options.Wheel.Schedule(entry, due))
        {
            Options.Link.Wake();
        }
    }

    /// <summary>The MSS option for a flow: what the link takes less the fixed headers (RFC 9293 3.7.1, RFC 6691 2).</summary>
    internal ushort MssOf(in FlowKey flow) => (ushort)Math.Max(
        1, Options.Link.Mtu - (flow.IsIPv4 ? IpPacket.IPv4HeaderLength : IpPacket.IPv6HeaderLength) - TcpSegment.MinHeaderLength);

    /// <summary>Sends a segment without data that no engine sends: of a handshake, of TIME-WAIT, a reset.</summary>
    internal unsafe void Send(
        in FlowKey flow, SeqNum seq, SeqNum ack, TcpFlags flags, ushort window = 0, in TcpOptions options = default)
    {
        if (!Paths.TryGetNeighbor(flow.RemoteAddress, out Neighbor? neighbor))
        {
            ManagedStackCounters.Count(ref Counters.NoNeighbor);
            return;
        }

        var builder = new FrameBuilder
        {
            SourceMac = Options.Link.Address,
            DestinationMac = neighbor.Mac,
            Encapsulation = Options.Encapsulation,
            Flow = flow,
            IpId = (ushort)Interlocked.Increment(ref _ipId),
            Seq = seq,
            Ack = ack,
            Flags = flags,
            Window = window,
            Options = options,
        };
        byte* bytes = stackalloc byte[HeaderTemplate.MaxLength];
        var frame = new TxFrame
        {
            Header = bytes,
            HeaderLength = builder.Write(new Span<byte>(bytes, HeaderTemplate.MaxLength)),
            IsIPv4 = flow.IsIPv4,
            TransportOffset = Options.Encapsulation.HeaderLength
                + (flow.IsIPv4 ? IpPacket.IPv4HeaderLength : IpPacket.IPv6HeaderLength),
        };
        Options.Link.Send(new ReadOnlySpan<TxFrame>(in frame));
    }

    /// <summary>Answers a segment that fits no connection (RFC 9293 3.10.7.1, and 3.5.2 groups 1 and 2).</summary>
    internal void Reset(in FlowKey flow, in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Rst))
        {
            ManagedStackCounters.Count(ref Counters.Ignored);
            return;
        }

        ManagedStackCounters.Count(ref Counters.ResetsSent);
        if (segment.Has(TcpFlags.Ack))
        {
            Send(in flow, segment.Ack, default, TcpFlags.Rst);
        }
        else
        {
            Send(in flow, default, segment.End, TcpFlags.Rst | TcpFlags.Ack);
        }
    }

    private static bool IsWildcard(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private void Receive(in IpPacket ip, ReadOnlySpan<byte> ipPacket, int segmentSize)
    {
        if (ip.IsFragment)
        {
            ManagedStackCounters.Count(ref Counters.Fragments);
        }
        else if (ip.Protocol != IpPacket.Tcp)
        {
            ManagedStackCounters.Count(ref Counters.NotTcp);
        }
        else if (!_addresses.Contains(ip.DestinationAddress))
        {
            ManagedStackCounters.Count(ref Counters.NotForUs);
        }
        else if (!TcpSegment.TryParse(ipPacket[ip.PayloadOffset..], segmentSize, ip.Ecn, out TcpSegment segment))
        {
            ManagedStackCounters.Count(ref Counters.Malformed);
        }
        else
        {
            var flow = new FlowKey(ip.DestinationAddress, ip.SourceAddress, segment.DestinationPort, segment.SourcePort);
            Receive(in flow, ipPacket, in segment);
        }
    }

    private void Receive(in FlowKey flow, ReadOnlySpan<byte> ipPacket, in TcpSegment segment)
    {
        Microseconds now = Now;
        while (_flows.TryGetValue(flow, out StackFlow? found))
        {
            if (found.TryReceive(ipPacket, in segment, now))
            {
                return;
            }
        }

        InternetAddress any = InternetAddress.From(flow.IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any);
        if (_listeners.TryGetValue((flow.LocalAddress, flow.LocalPort), out ManagedListener? listener)
            || _listeners.TryGetValue((any, flow.LocalPort), out listener))
        {
            listener.Receive(in flow, in segment, now);
        }
        else
        {
            Reset(in flow, in segment);
        }
    }
}
