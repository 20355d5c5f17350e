using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Bench.Scale;

/// <summary>
/// A TOE with many offloaded connections, of which a few receive. The way of a segment is the product's: link, dispatcher, actor, engine,
/// commit, acknowledgement. One thread plays the receiving thread, the peers and the applications.
/// </summary>
internal sealed unsafe class CrowdedToe : IDisposable
{
    private const int BatchLength = 32;
    private const int PayloadLength = 1024;
    private const int HeaderLength = 54;
    private const int SequenceAt = 38;
    private const int Window = 1 << 20;

    private static readonly SeqNum s_first = new(1000);
    private static readonly IPEndPoint s_local = IPEndPoint.Parse("10.0.0.1:80");

    private readonly InMemoryLinkPair _cable = new();
    private readonly OffloadEngine _toe;
    private readonly PostedBuffers _buffers = new();
    private readonly ManagedChunkPool _pool = new();
    private readonly ulong[] _slots;
    private readonly Peer[] _active;
    private readonly RxFrame[] _answers = new RxFrame[64];
    private int _next;

    /// <param name="system">Where the actors run.</param>
    /// <param name="name">The TOE's.</param>
    /// <param name="connections">How many are offloaded; a multiple of <paramref name="active"/>.</param>
    /// <param name="active">How many of them receive, spread evenly over all; a multiple of 4.</param>
    public CrowdedToe(ActorSystem system, string name, int connections, int active)
    {
        _slots = GC.AllocateArray<ulong>(connections * (CommitSlot.Size / sizeof(ulong)), pinned: true);
        _active = new Peer[active];
        _toe = new OffloadEngine(system, new OffloadEngineOptions
        {
            Name = name,
            Link = _cable.A,
            Buffers = _buffers,
            ToHost = new TransferStack(),
            Host = ActorRefs.Nobody,
            Logger = NullLogger.Instance,
        });
        var flows = new List<FlowEntry>();
        for (int i = 0; i < connections; i++)
        {
            var remote = new IPEndPoint(new IPAddress([10, 0, (byte)(1 + (i / 50_000)), 2]), 1024 + (i % 50_000));
            FlowKey flow = FlowKey.From(s_local, remote);
            flows.Add(_toe.Flows.Claim(in flow));
            ReceiveBuffer buffer = Push(i, in flow);
            if (i % (connections / active) == 0)
            {
                _active[i / (connections / active)] = new Peer(buffer, flow.Reversed);
            }
        }

        _toe.Supervisor.Tell(Toe.Command.Offload.Doorbell);
        SpinWait.SpinUntil(() => flows.TrueForAll(flow => flow.Receiver is not null));
        DropAnswers();
    }

    /// <summary>The active connections in turn get segments, which their applications read at once.</summary>
    /// <param name="segments">How many in all.</param>
    public void Receive(int segments)
    {
        _toe.Lanes[0].Enter();
        for (int left = segments; left > 0; left -= BatchLength)
        {
            for (int i = 0; i < BatchLength; i++)
            {
                _active[(_next + i) % _active.Length].Send(_cable.B);
            }

            _toe.Lanes[0].Loop.RunOnce(Microseconds.Zero);
            for (int i = 0; i < BatchLength; i++)
            {
                ReceiveBuffer buffer = _active[(_next + i) % _active.Length].Buffer;
                buffer.Consume(buffer.Unread);
            }

            _next = (_next + BatchLength) % _active.Length;
            DropAnswers();
        }

        _toe.Lanes[0].Leave();
    }

    /// <summary>Segments that were received and whose bytes the applications had.</summary>
    public long CountReceived() => _active.Sum(peer => (long)(peer.Buffer.Read - s_first)) / PayloadLength;

    public void Dispose()
    {
        _toe.Dispose();
        _cable.Dispose();
    }

    private ReceiveBuffer Push(int number, in FlowKey flow)
    {
        var id = new ConnectionId(number + 1);
        var send = new SendBuffer(_pool, Window);
        var receive = new ReceiveBuffer(_pool, Window);
        send.Rebase(s_first);
        receive.Rebase(s_first);
        var slot = new CommitSlot((nint)Unsafe.AsPointer(ref _slots[number * (CommitSlot.Size / sizeof(ulong))]));
        _buffers.Post(id, new PostedMemory(send, receive, slot, Application.Instance));
        SegmentVariants variants = SegmentVariants.Quiet with
        {
            SndUna = s_first,
            SndNxt = s_first,
            SndMax = s_first,
            SndWnd = Window,
            SndWl1 = s_first,
            SndWl2 = s_first,
            RcvNxt = s_first,
            RcvWnd = Window,
            LastAckSent = s_first,
        };
        _toe.FromHost.Push(new TransferEntry(
            new OwnedVariables(id, new Epoch(1), in variants),
            new ConnectionInvariants
            {
                Flow = flow,
                InitialSendSequence = s_first,
                InitialReceiveSequence = s_first,
                SendWindowScale = 7,
                ReceiveWindowScale = 7,
                PeerMss = 1460,
            },
            new SegmentInvariants
            {
                Version = 1,
                Neighbor = new Neighbor { SourceMac = _cable.A.Address, Mac = _cable.B.Address },
                Path = new NetworkPath { Mtu = 1500 },
                EffectiveMss = 1460,
            },
            UploadReason.None));
        return receive;
    }

    private void DropAnswers()
    {
        int count;
        while ((count = _cable.B.Receive(_answers, Microseconds.Zero)) > 0)
        {
            foreach (ref readonly RxFrame answer in _answers.AsSpan(0, count))
            {
                answer.Return();
            }
        }
    }

    /// <summary>The other end of an active connection: a frame whose sequence number counts on.</summary>
    private sealed class Peer
    {
        private readonly byte[] _frame = GC.AllocateArray<byte>(HeaderLength + PayloadLength, pinned: true);
        private uint _seq = s_first.Value;

        public Peer(ReceiveBuffer buffer, FlowKey flow)
        {
            Buffer = buffer;
            var frame = new FrameBuilder
            {
                Flow = flow,
                Seq = s_first,
                Ack = s_first,
                Flags = TcpFlags.Ack | TcpFlags.Psh,
                Window = ushort.MaxValue,
                Payload = new byte[PayloadLength],
            };
            frame.Write(_frame);
        }

        public ReceiveBuffer Buffer { get; }

        public void Send(ILink link)
        {
            BinaryPrimitives.WriteUInt32BigEndian(_frame.AsSpan(SequenceAt), _seq);
            _seq += PayloadLength;
            var frame = new TxFrame
            {
                Header = (byte*)Unsafe.AsPointer(ref _frame[0]),
                HeaderLength = _frame.Length,
                TransportOffset = 34,
                IsIPv4 = true,
                ChecksumPartial = true,
            };
            link.Send(new ReadOnlySpan<TxFrame>(in frame));
        }
    }

    /// <summary>Reads without being told.</summary>
    private sealed class Application : IApplicationFace
    {
        public static Application Instance { get; } = new();

        public void OwnedBy(IOwnerDoorbell owner)
        {
        }

        public void NotifyReadable()
        {
        }

        public void NotifyWritable()
        {
        }
    }
}
