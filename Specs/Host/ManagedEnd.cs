using System.Buffers;
using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>An application's end of a managed connection, with what it was told.</summary>
internal sealed class ManagedEnd : IHostHalfEvents, IApplicationFace
{
    private readonly ManagedSide _side;
    private readonly ConnectionId _id;
    private readonly ulong[] _slotMemory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);
    private readonly CommitSlot _slot;
    private Epoch _epoch = new(1);
    private IOwnerDoorbell? _toe;

    public unsafe ManagedEnd(ManagedSide side, ManagedHalf half, int limit = 4 << 20)
    {
        (_side, Half) = (side, half);
        _id = new ConnectionId(half.Flow.RemotePort);
        _slot = new CommitSlot((nint)Unsafe.AsPointer(ref _slotMemory[0]));
        Send = new SendBuffer(side.Pool, limit);
        Receive = new ReceiveBuffer(side.Pool, side.Stack.Options.ReceiveBufferLimit);
        var memory = new PostedMemory(Send, Receive, _slot, this);
        side.Buffers.Post(_id, memory);
        half.Attach(Send, Receive, this, memory.Counters);
        half.Start();
    }

    public ManagedHalf Half { get; }

    public SendBuffer Send { get; }

    public ReceiveBuffer Receive { get; }

    /// <summary>What ended a direction, in order.</summary>
    public List<string> Told { get; } = [];

    public int ReadableRings { get; private set; }

    /// <summary>Packets that came to the stack and belong to the TOE.</summary>
    public List<byte[]> Strays { get; } = [];

    public bool IsOffloaded { get; private set; }

    /// <summary>The variables that lay on the stack to the TOE at the last offload; their owner has them no longer.</summary>
    public SegmentVariants GivenVariants { get; private set; }

    /// <summary>What lay on the stack back to the host at the last upload.</summary>
    public TransferEntry? Returned { get; private set; }

    /// <summary>The variables as their owner has them at this moment, times as times remaining.</summary>
    public SegmentVariants Variants => IsOffloaded ? Committed : Half.Query();

    /// <summary>What the TOE has committed last, times as times remaining.</summary>
    public SegmentVariants Committed => _slot.Read(out _).ToTimesRemaining(_side.Clock.Now);

    public TcpState State => Half.State;

    /// <summary>The state of whatever stands in the stack's table for this connection.</summary>
    public TcpState StateInTable
    {
        get
        {
            FlowKey flow = Half.Flow;
            return _side.Stack.StateOf(in flow);
        }
    }

    public void Strayed(ReadOnlySpan<byte> ipPacket) => Strays.Add(ipPacket.ToArray());

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Assert.Equal(bytes.Length, Send.Write(bytes));
        Ring(static owner => owner.DataReady(), Half.DataReady);
    }

    public byte[] ReadAll()
    {
        ReadOnlySequence<byte> readable = Receive.GetReadable();
        byte[] bytes = readable.ToArray();
        Receive.Consume(bytes.Length);
        Ring(static owner => owner.WindowOpened(), Half.WindowOpened);
        return bytes;
    }

    /// <summary>Reads until nothing comes any more: the window is no larger than what is read.</summary>
    public byte[] ReadAll(ManagedPair pair)
    {
        var all = new List<byte>();
        for (byte[] read = ReadAll(); read.Length > 0; read = ReadAll())
        {
            all.AddRange(read);
            pair.Settle();
        }

        return [.. all];
    }

    /// <summary>Out of the stack and to the TOE on the same link.</summary>
    public bool TryOffload()
    {
        if (Half.TakeOutAlone(_side.Gate) is not TakeOut.Taken taken)
        {
            return false;
        }

        OwnedVariables variables = new OwnedVariables(_id, _epoch, taken.Variants).HandOver();
        GivenVariants = variables.Variants;
        _side.Toe!.FromHost.Push(new TransferEntry(variables, taken.Connection, taken.Segment, UploadReason.None));
        _toe = null;
        Tell(Toe.Command.Offload.Doorbell);

        // The supervisor's own start is not on the receiving thread, so the first doorbell may be answered from the pool.
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                _side.Step();
                return Volatile.Read(ref _toe) is not null;
            },
            TimeSpan.FromSeconds(30)));
        return IsOffloaded = true;
    }

    /// <summary>Back from the TOE into the stack.</summary>
    public void Upload(ManagedPair pair)
    {
        Tell(new Toe.Command.Upload([_id]));
        pair.Settle();
        IReadOnlyList<TransferEntry> back;
        while ((back = _side.ToHost.PullAll()).Count == 0)
        {
            Assert.True(pair.StepToNextDeadline(), "the connection was not given back");
        }

        TransferEntry entry = Returned = Assert.Single(back);
        SegmentVariants variants = entry.Variables.Variants;
        _epoch = entry.Variables.Epoch;
        IsOffloaded = false;
        Half.PutBackAlone(new HandBack(entry.Connection, entry.Segment, variants), _side.Gate);
    }

    public void Readable() => ReadableRings++;

    public void Writable()
    {
    }

    public void EndOfInput(Exception? error) => Told.Add($"end of input {Name(error)}".TrimEnd());

    public void EndOfOutput(Exception error) => Told.Add($"end of output {Name(error)}");

    public void Closed()
    {
        Told.Add("closed");
        Send.Dispose();
        Receive.Dispose();
    }

    void IApplicationFace.OwnedBy(IOwnerDoorbell owner) => Volatile.Write(ref _toe, owner);

    void IApplicationFace.NotifyReadable() => ReadableRings++;

    void IApplicationFace.NotifyWritable()
    {
    }

    private static string Name(Exception? error) =>
        error is System.Net.Sockets.SocketException socket ? socket.SocketErrorCode.ToString() : error?.GetType().Name ?? "";

    private void Ring(Action<IOwnerDoorbell> toe, Action host)
    {
        if (IsOffloaded && _toe is { } owner)
        {
            _side.OnReceivingThread(() => toe(owner));
        }
        else
        {
            host();
        }
    }

    private void Tell(object message) => _side.OnReceivingThread(
        () => _side.Toe!.Supervisor.Tell(message, Akka.Actor.ActorRefs.NoSender));
}
