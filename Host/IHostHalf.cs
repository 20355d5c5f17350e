using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide;

/// <summary>
/// The host stack's part of one connection: it runs the connection between the stack and the posted buffers while the host owns it, takes
/// it out of the stack for an offload and puts it back after an upload. Implemented by the kernel's half and the managed one. Calls that
/// change the owner come one at a time and from a worker thread; doorbells may come from anywhere.
/// </summary>
internal interface IHostHalf
{
    /// <summary>The connection as this host names it.</summary>
    FlowKey Flow { get; }

    /// <summary>Begins to move bytes between the stack and the buffers.</summary>
    void Start();

    /// <summary>The application wrote to the send buffer.</summary>
    void DataReady();

    /// <summary>The application read from the receive buffer.</summary>
    void WindowOpened();

    /// <summary>The interface over which the peer is reached at present: a TOE on that interface can take the connection.</summary>
    /// <exception cref="IOException">When there is no route, or the next hop does not answer; the message says so.</exception>
    int FindInterface();

    /// <summary>
    /// Before an offload: everything that takes time and that the peer does not notice. <see cref="FindInterface"/> was called.
    /// </summary>
    /// <returns>For people: what about the connection stands against an offload; null: it can begin.</returns>
    string? Prepare();

    /// <summary>Stops moving bytes between the stack and the buffers. Now the flow is to be claimed.</summary>
    void Stop();

    /// <summary>
    /// Takes the connection out of the stack, its flow having been claimed: reads every variable, fills the buffers with what the stack held.
    /// After a refusal the flow is released, and the connection runs on in the stack as if nothing had happened.
    /// </summary>
    TakeOut TakeOut(IFlowGate gate);

    /// <summary>Goes on in the stack after <see cref="Stop"/>: the flow could not be claimed.</summary>
    void StayHere();

    /// <summary>After a take-out, when the TOE has the connection already: ends what the stack still has of it, in silence.</summary>
    void Vacate();

    /// <summary>Puts the connection into the stack as the TOE left it. Now the flow is to be released.</summary>
    /// <exception cref="IOException">
    /// When the stack does not take it back: the connection is lost, and its flow is the stack's.
    /// </exception>
    void Restore(in HandBack state, IFlowGate gate);

    /// <summary>Runs the connection, its flow having been released, behind what the TOE did not consume.</summary>
    /// <returns>Completes when the connection may be ended: see <see cref="IFlowGate.Forward"/>.</returns>
    /// <exception cref="IOException">When the stack does not take it back; the connection is lost.</exception>
    Task Resume(IFlowGate gate);

    /// <summary>
    /// Changes what the stack has of the connection's settings: from now on while the host owns it, otherwise from when it comes back. Not while it moves.
    /// </summary>
    /// <exception cref="SocketException">When the stack does not take them.</exception>
    /// <exception cref="ObjectDisposedException">When the stack has let go of the connection.</exception>
    void Apply(ConnectionSettings settings);

    /// <summary>Sends FIN behind everything in the send buffer. Only while the host owns the connection.</summary>
    void ShutdownSend();

    /// <summary>The application is done with the connection in both directions. Only while the host owns it.</summary>
    void Close();

    /// <summary>Ends the connection with an RST. Only while the host owns it.</summary>
    void Abort();

    /// <summary>The variables as far as the stack shows them without being stopped.</summary>
    SegmentVariants Query();

    /// <summary>
    /// What the connection's owners have counted, all of them together and up to now, whoever owns it at this moment. Any thread; waits for none of
    /// them.
    /// </summary>
    Tally Count();
}

/// <summary>What <see cref="IHostHalf.TakeOut"/> found.</summary>
internal abstract record TakeOut
{
    private TakeOut()
    {
    }

    /// <summary>The connection is out of the stack; deadlines are times remaining.</summary>
    public sealed record Taken(ConnectionInvariants Connection, SegmentInvariants Segment, SegmentVariants Variants) : TakeOut;

    /// <summary>It stays where it is.</summary>
    /// <param name="Reason">For people: what about the connection stands against an offload.</param>
    public sealed record Refused(string Reason) : TakeOut;

    /// <summary>It could neither leave nor go on: its flow is the stack's, and the connection is lost.</summary>
    public sealed record Lost(Exception Failure) : TakeOut;
}

/// <summary>A connection on its way back into the host's stack; deadlines are times remaining.</summary>
internal readonly record struct HandBack(ConnectionInvariants Connection, SegmentInvariants Segment, SegmentVariants Variants);

/// <summary>What a host's half of a connection tells the connection. Any thread; must not block.</summary>
internal interface IHostHalfEvents
{
    /// <summary>Bytes were received.</summary>
    void Readable();

    /// <summary>Memory of the send buffer became free.</summary>
    void Writable();

    /// <summary>Nothing more will be received: null after the peer's FIN, otherwise what ended the connection.</summary>
    void EndOfInput(Exception? error);

    /// <summary>Nothing more can be sent.</summary>
    void EndOfOutput(Exception error);

    /// <summary>The stack has let go of the connection; its memory may be withdrawn.</summary>
    void Closed();

    /// <summary>A segment came to the stack that belongs to the TOE; its bytes are valid during the call only. Who does nothing with it loses it, as any network may.</summary>
    void Strayed(ReadOnlySpan<byte> ipPacket)
    {
    }
}

/// <summary>Where a flow's frames go: to the host's stack or to a TOE.</summary>
internal interface IFlowGate
{
    /// <summary>
    /// How long to wait for <see cref="Forward"/>: until a receiving thread gets a core on a busy machine. One that gets none holds nobody up
    /// for longer: then a late frame is what it would be on any network, late.
    /// </summary>
    static TimeSpan Patience { get; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// From now on these flows' frames go to the TOE, which keeps them, and only the TOE may send for them. Synchronous: every frame that
    /// arrives after the return is the TOE's.
    /// </summary>
    /// <exception cref="IOException">When they cannot be steered: none of them is the TOE's.</exception>
    void Claim(ReadOnlySpan<FlowKey> flows);

    /// <summary>From now on these flows are the stack's.</summary>
    void Release(ReadOnlySpan<FlowKey> flows);

    /// <summary>
    /// After <see cref="Release"/>: hands the stack everything that was kept and not consumed, oldest first, and what is still on its way.
    /// </summary>
    /// <returns>Completes when nothing is on its way any more. Until then what the stack sends may be answered too early.</returns>
    Task Forward(in FlowKey flow, PacketSink sink);
}
