using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Sees every FIN and RST of one connection on the client's end of the cable, in both directions. Told is the order in which each kind was
/// first seen from each side. Repetitions are left out: whether a FIN is retransmitted or a second segment draws a second RST is a matter of
/// microseconds. So are pure ACKs: a move sends one of its own, which means nothing to the peer.
/// </summary>
internal sealed class CloseTap : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private const ushort EveryProtocol = 0x0300;
    private const int SocketLevel = 1;
    private const int ReceiveBufferForce = 33;
    private readonly Socket _socket;
    private readonly int _clientPort;
    private readonly List<string> _seen = [];
    private readonly byte[] _frame = new byte[256];

    public CloseTap(SpecHost client, int clientPort)
    {
        _clientPort = clientPort;
        _socket = client.Run(() =>
        {
            var socket = new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)0) { Blocking = false };
            socket.SetRawSocketOption(SocketLevel, ReceiveBufferForce, BitConverter.GetBytes(128 << 20));
            socket.Bind(new PacketEndPoint(client.LinkIndex, EveryProtocol));
            return socket;
        });
    }

    /// <summary>What passed until now.</summary>
    public IReadOnlyList<string> Seen
    {
        get
        {
            while (_socket.Available > 0)
            {
                // A frame is cut to what its headers need.
                _socket.Receive(_frame, SocketFlags.None, out _);
                Look(_frame);
            }

            return _seen;
        }
    }

    /// <summary>Waits for what is told as "client FIN", "server RST" and so on.</summary>
    public Task SeesAsync(string what) => CloseTalk.UntilAsync(() => Task.FromResult(Seen.Contains(what, StringComparer.Ordinal)), what);

    public void Dispose() => _socket.Dispose();

    private void Look(ReadOnlySpan<byte> frame)
    {
        const int ethernet = 14;
        int tcp = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            0x0800 when frame[ethernet + 9] == 6 => ethernet + ((frame[ethernet] & 15) * 4),
            0x86dd when frame[ethernet + 6] == 6 => ethernet + 40,
            _ => 0,
        };
        if (tcp == 0)
        {
            return;
        }

        int source = BinaryPrimitives.ReadUInt16BigEndian(frame[tcp..]);
        int destination = BinaryPrimitives.ReadUInt16BigEndian(frame[(tcp + 2)..]);
        if (source != _clientPort && destination != _clientPort)
        {
            return;
        }

        string side = source == _clientPort ? "client" : "server";
        if ((frame[tcp + 13] & 1) != 0)
        {
            Add($"{side} FIN");
        }

        if ((frame[tcp + 13] & 4) != 0)
        {
            Add($"{side} RST");
        }
    }

    private void Add(string what)
    {
        if (!_seen.Contains(what))
        {
            _seen.Add(what);
        }
    }

    // struct sockaddr_ll; the protocol in network order.
    private sealed class PacketEndPoint(int index, ushort protocol) : System.Net.EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override System.Net.SocketAddress Serialize()
        {
            var address = new System.Net.SocketAddress(AddressFamily.Packet, 20);
            MemoryMarshal.Write(address.Buffer.Span[2..], in protocol);
            MemoryMarshal.Write(address.Buffer.Span[4..], in index);
            return address;
        }
    }
}
