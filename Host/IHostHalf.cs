using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide;

/// <summary>
/// The host stack's part of one connection: it runs the connection between the stack and the posted buffers while the host owns it, takes
/// it out of the stack for an offload and puts it back after an upload. Implemented by the kernel's half and the managed one. Calls that
/// change the owner come one at a time and from a worker thread; doorbells may come from anywhere.
/// </summary>
internal interface IHostHalf
{
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
    /// Takes the connection out of the stack: stops, claims the flow at the gate, reads every variable, fills the buffers with what
    /// the stack held. After a refusal the connection runs on in the stack as if nothing had happened.
    /// </summary>
    TakeOut TakeOut(IFlowGate gate);

    /// <summary>
    /// Puts the connection into the stack as the TOE left it, releases the flow, forwards what the TOE did not consume, and runs it again.
    /// </summary>
    /// <exception cref="IOException">When the stack does not take it back; the connection is lost.</exception>
    void PutBack(in HandBack state, IFlowGate gate);

    /// <summary>Sends FIN behind everything in the send buffer. Only while the host owns the connection.</summary>
    void ShutdownSend();

    /// <summary>The application is done with the connection in both directions. Only while the host owns it.</summary>
    void Close();

    /// <summary>Ends the connection with an RST. Only while the host owns it.</summary>
    void Abort();

    /// <summary>The variables as far as the stack shows them without being stopped.</summary>
    SegmentVariants Query();
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
}

/// <summary>Where a flow's frames go: to the host's stack or to a TOE.</summary>
internal interface IFlowGate
{
    /// <summary>
    /// From now on the flow's frames go to the TOE, which keeps them, and only the TOE may send for it. Synchronous: every frame that arrives
    /// after the return is the TOE's.
    /// </summary>
    void Claim(in FlowKey flow);

    /// <summary>From now on the flow is the stack's.</summary>
    void Release(in FlowKey flow);

    /// <summary>
    /// After <see cref="Release"/>: hands the stack everything that was kept and not consumed, oldest first, and what was still on its way.
    /// </summary>
    void Forward(in FlowKey flow, PacketSink sink);
}
