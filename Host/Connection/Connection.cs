using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.HostSide.Managed;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;

namespace TcpActors.HostSide;

/// <summary>
/// A TCP connection as the application has it: the same object whoever owns the variables. It reads from <see cref="Input"/> and writes to
/// <see cref="Output"/>; the connection may move between the host's stack and a TOE at any time meanwhile, as often as wanted.
/// </summary>
public sealed partial class Connection : IDuplexPipe, IAsyncDisposable
{
    private readonly ConnectionParts _parts;
    private readonly nint _slot;
    private readonly ConnectionInput _input;
    private readonly ConnectionOutput _output;
    private readonly Face _face;
    private Occasion _closed;
    private Occasion _broken;
    private ActivityMeter? _activity;
    private IOwnerDoorbell? _owner;
    private long _askPolicyAt;
    private int _ended;
    private int _invariantUpdates;
    private int _completed;
    private uint _epoch;
    private bool _isLetGo;
    private bool _isInHand;
    private PendingError? _failure;

    internal Connection(
        ConnectionId id, IPEndPoint local, IPEndPoint remote, ConnectionParts parts, Func<Connection, IHostHalfEvents, IHostHalf> half)
    {
        (Id, LocalEndPoint, RemoteEndPoint) = (id, local, remote);
        _parts = parts;
        var send = new SendBuffer(parts.Pool, parts.SendBufferLimit);
        var receive = new ReceiveBuffer(parts.Pool, parts.ReceiveBufferLimit);
        CommitSlot slot = parts.Slots.Rent(out _slot);
        _face = new Face(this);
        _input = new ConnectionInput(receive, _face, parts.Scheduler);
        _output = new ConnectionOutput(send, _face, parts.Scheduler);
        _askPolicyAt = parts.AskAfterBytes;
        Memory = new PostedMemory(send, receive, slot, _face) { Counters = new ConnectionMeter(parts.Clock.Now) };
        Half = half(this, _face);
    }

    /// <summary>The host's number for it.</summary>
    public ConnectionId Id { get; }

    public IPEndPoint LocalEndPoint { get; }

    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>What the peer sent. Ends with its FIN; throws <see cref="SocketException"/> where a socket would.</summary>
    public PipeReader Input => _input;

    /// <summary>What the peer will get. Completing it sends FIN behind everything written (half-close).</summary>
    public PipeWriter Output => _output;

    /// <summary>Completes when the stack has let go of the connection; never faults.</summary>
    public Task Closed => _closed.Task;

    /// <summary>
    /// Completes when the peer cannot be talked to any more (reset, time-out, abort, or the stack let go), also while nobody reads or
    /// writes; never faults. A FIN is not that: a peer that closed its half may wait for an answer.
    /// </summary>
    public Task Broken => _broken.Task;

    /// <summary>How often the TOE confirmed a new version of the segment-invariant variables.</summary>
    public int InvariantUpdates => Volatile.Read(ref _invariantUpdates);

    /// <summary>How often the variables have changed hands.</summary>
    public Epoch Epoch
    {
        // Not from the commit slot, which is another connection's once this one has ended.
        get => new(Volatile.Read(ref _epoch));
        internal set => Volatile.Write(ref _epoch, value.Value);
    }

    internal PostedMemory Memory { get; }

    internal IHostHalf Half { get; }

    internal ConnectionMeter Meter => (ConnectionMeter)Memory.Counters;

    internal MonotonicClock Clock => _parts.Clock;

    /// <summary>Whether the application has ended its writing.</summary>
    internal bool IsOutputEnding => _output.IsEnding;

    /// <summary>Whether the stack has let go: the commit slot is, or will be, another connection's.</summary>
    internal bool IsLetGo => Volatile.Read(ref _isLetGo);

    /// <summary>
    /// Receives into the application's own memory. Completes when the memory is full, at data that the sender pushed, or when the PUSH timer
    /// of the patent runs out.
    /// </summary>
    /// <returns>Bytes received; 0 at the end of the stream.</returns>
    public ValueTask<int> ReceiveAsync(Memory<byte> memory, CancellationToken cancellationToken = default) =>
        _input.ReceiveAsync(memory, cancellationToken);

    /// <inheritdoc cref="ConnectionInput.PostReceiveAsync"/>
    public ValueTask<int> PostReceiveAsync(Memory<byte> memory, CancellationToken cancellationToken = default) =>
        _input.PostReceiveAsync(memory, cancellationToken);

    /// <summary>
    /// Has the connection take its buffer memory from these from now on; null: from the host's. What it holds goes back to where it came from.
    /// At any time, whoever owns the connection.
    /// </summary>
    /// <exception cref="ArgumentException">When they are another host's.</exception>
    public void UseBuffers(ConnectionBuffers? buffers)
    {
        if (buffers?.AreOf(_parts.Pool) == false)
        {
            throw new ArgumentException("They are another host's: make them with CreateBuffers of the host that has the connection.", nameof(buffers));
        }

        ChunkPool pool = buffers?.Pool ?? _parts.Pool;
        Memory.Send.UsePool(pool);
        Memory.Receive.UsePool(pool);
    }

    /// <summary>Moves the connection to a TOE.</summary>
    /// <returns>What became of it; a refusal carries its reason.</returns>
    public Task<MoveResult> OffloadAsync() => MoveAsync(toToe: true);

    /// <summary>Moves the connection back to the host's stack.</summary>
    public Task<MoveResult> UploadAsync() => MoveAsync(toToe: false);

    /// <summary>Changes settings, whoever owns the connection; completes when the owner works with them.</summary>
    /// <exception cref="SocketException">When the stack does not take them; NotConnected: the connection has ended.</exception>
    public async Task UpdateAsync(ConnectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!await _parts.Supervisor.AskAsync<bool>(done => new HostMessages.Update(Id, settings, done)).ConfigureAwait(false))
        {
            throw new SocketException((int)SocketError.NotConnected);
        }
    }

    /// <summary>Ends the connection in both directions, as closing a socket does: what was written is sent first, unread data makes it an RST.</summary>
    public ValueTask DisposeAsync()
    {
        // Input first: then nothing tells the stack of a half-close before the close, which with unread data is an RST and no FIN.
        _input.Complete();
        _output.Complete();
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends the connection with an RST; what was not sent yet is lost.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        var aborted = new SocketException((int)SocketError.OperationAborted);
        _broken.Come();
        _input.CompleteInput(aborted);
        _output.CloseOutput(aborted);
        _parts.Supervisor.Tell(new HostMessages.End(Id, EndKind.Abort));
    }

    public override string ToString() => $"{Id} {LocalEndPoint}-{RemoteEndPoint}";

    /// <summary>The supervisor knows the connection: it may run.</summary>
    internal void Begin()
    {
        OwnedByHost();
        Half.Start();
        ConsiderOffload();
    }

    internal void OwnedByHost() => Volatile.Write(ref _owner, new HostDoorbell(Half));

    /// <summary>Whether somebody has said where it is to be: then no policy is asked about it any more.</summary>
    internal bool IsInHand => Volatile.Read(ref _isInHand);

    internal void TakeInHand()
    {
        Volatile.Write(ref _isInHand, true);
        AskPolicyAt(long.MaxValue);
    }

    /// <summary>After how many bytes, while the stack has it, the policy is to be asked at once; <see cref="long.MaxValue"/>: it asks by itself.</summary>
    internal void AskPolicyAt(long bytes)
    {
        Volatile.Write(ref _askPolicyAt, bytes);
        if (bytes == long.MaxValue)
        {
            Volatile.Write(ref _activity, null);
        }
    }

    internal void CountInvariantUpdate() => Interlocked.Increment(ref _invariantUpdates);

    /// <summary>The connection is lost to the application.</summary>
    internal void Fail(Exception error)
    {
        PendingError failure = FailureOf(error);
        _broken.Come();
        _input.CompleteInput(failure);
        _output.CloseOutput(failure);
        Half.Abort();
    }

    /// <summary>The host ends: what the application has not completed is completed for it. What was written still leaves.</summary>
    internal void EndWithHost()
    {
        var ended = new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.OperationAborted);
        if (!_output.IsEnding)
        {
            _output.CloseOutput(ended);
            CompletedOne();
        }

        if (!_input.IsCompleted)
        {
            _input.CompleteInput(ended);
            CompletedOne();
        }
    }

    internal void ReleaseMemory()
    {
        // Before the slot goes: who has read it looks whether it still was ours.
        Interlocked.Exchange(ref _isLetGo, true);
        _parts.Slots.Return(_slot);
        _broken.Come();
        _closed.Come();
        DisposeBuffers();
    }

    /// <summary>Once the stack has let go and the application has completed both pipes: until then it may hold their memory.</summary>
    private void DisposeBuffers()
    {
        if (Volatile.Read(ref _isLetGo) && Volatile.Read(ref _completed) >= 2)
        {
            Memory.Send.Dispose();
            Memory.Receive.Dispose();

            // With no owner left, a receive that waits for its memory has it back now.
            _input.NotifyReadable();
        }
    }

    /// <summary>With both directions completed the application is done with the connection.</summary>
    /// <returns>Whether that was the second.</returns>
    private bool CompletedOne()
    {
        bool both = Interlocked.Increment(ref _completed) == 2;
        if (both && Interlocked.Exchange(ref _ended, 1) == 0)
        {
            _parts.Supervisor.Tell(new HostMessages.End(Id, EndKind.Close));
        }

        DisposeBuffers();
        return both;
    }

    /// <summary>What ended both directions is one error, as it is with a socket: whoever comes first is told.</summary>
    private PendingError FailureOf(Exception error)
    {
        var failure = new PendingError(error);
        return Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
    }

    private Task<MoveResult> MoveAsync(bool toToe) =>
        _parts.Supervisor.AskAsync<MoveResult>(done => new HostMessages.Move([Id], toToe, done));

    private void ConsiderOffload()
    {
        // Two threads may each make a meter; a new one counts from the beginning, so none is missed.
        long at = Volatile.Read(ref _askPolicyAt);
        if (at != long.MaxValue
            && (Volatile.Read(ref _activity) ?? (_activity = new ActivityMeter())).See(Memory) >= at
            && Interlocked.CompareExchange(ref _askPolicyAt, long.MaxValue, at) == at)
        {
            _parts.Supervisor.Tell(new HostMessages.AskPolicy(this));
        }
    }

    /// <summary>The side the owners and the pipes see.</summary>
    private sealed class Face(Connection connection) : IApplicationFace, IHostHalfEvents, IConnectionOwner
    {
        // Fences on both sides: an owner that comes looks at the buffers after it can be rung, the application rings after it changed them.
        public void OwnedBy(IOwnerDoorbell owner) => Interlocked.Exchange(ref connection._owner, owner);

        public void NotifyReadable() => connection._input.NotifyReadable();

        public void NotifyWritable() => connection._output.NotifyWritable();

        public void NotifyIdle() => connection._output.Trim();

        public void DataReady() => Owner()?.DataReady();

        public void WindowOpened() => Owner()?.WindowOpened();

        public void OutputCompleted(Exception? error)
        {
            if (error is not null)
            {
                connection.Abort();
            }
            else if (!connection.CompletedOne())
            {
                connection._parts.Supervisor.Tell(new HostMessages.End(connection.Id, EndKind.ShutdownSend));
            }
        }

        public void InputCompleted(Exception? error) => connection.CompletedOne();

        public void Readable()
        {
            connection._input.NotifyReadable();
            connection.ConsiderOffload();
        }

        public void Writable()
        {
            connection._output.NotifyWritable();
            connection.ConsiderOffload();
        }

        public void EndOfInput(Exception? error)
        {
            if (error is null)
            {
                connection.Meter.EndInput();
                connection.Meter.Change(ClosingStates.AfterPeerFin);
                connection._input.CompleteInput(Volatile.Read(ref connection._failure));
                return;
            }

            connection.Meter.SeeState(TcpState.Closed);
            PendingError failure = connection.FailureOf(error);
            connection._input.CompleteInput(failure);
            connection._output.CloseOutput(failure);
            connection._broken.Come();
        }

        public void EndOfOutput(Exception error)
        {
            connection._output.CloseOutput(error is SocketException { SocketErrorCode: SocketError.Shutdown }
                ? Volatile.Read(ref connection._failure) ?? new PendingError(error)
                : connection.FailureOf(error));
            connection._broken.Come();
        }

        public void Closed() => connection._parts.Supervisor.Tell(new HostMessages.Gone(connection.Id));

        public void Strayed(ReadOnlySpan<byte> ipPacket) =>
            connection._parts.Supervisor.Tell(new HostMessages.Strayed(connection.Id, ipPacket.ToArray()));

        private IOwnerDoorbell? Owner()
        {
            Interlocked.MemoryBarrier();
            return connection._owner;
        }
    }

    private sealed class HostDoorbell(IHostHalf half) : IOwnerDoorbell
    {
        public void DataReady() => half.DataReady();

        public void WindowOpened() => half.WindowOpened();
    }
}
