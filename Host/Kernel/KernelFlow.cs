using System.Net.Sockets;
using System.Runtime.InteropServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Moves the bytes of one connection between a kernel socket and the posted buffers, from the moment it is made until it is stopped: straight
/// from and to their memory, in non-blocking calls. Lives as long as the socket; after a move there is another one.
/// </summary>
internal sealed unsafe class KernelFlow
{
    /// <summary>Bytes moved in one direction before the other connections have their turn.</summary>
    private const int Budget = 1 << 20;

    /// <summary>How often a call may stand within itself: who is told of room writes at once, and has this called again.</summary>
    private const int Deepest = 8;

    private const int WouldBlock = 11;
    private const int Interrupted = 4;

    [ThreadStatic]
    private static int s_depth;

    private readonly Lock _gate = new();
    private readonly SendBuffer _send;
    private readonly ReceiveBuffer _receive;
    private readonly IHostHalfEvents _events;
    private readonly KernelPump _pump;
    private ulong _number;
    private bool _running;
    private bool _interrupted;
    private bool _mayRead = true;

    /// <summary>There was no buffer memory: nothing is read until the pump has it tried again.</summary>
    private bool _starved;
    private bool _inputEnded;
    private bool _outputFailed;
    private bool _shutdownWanted;
    private bool _shutdownDone;
    private bool _closeWanted;
    private bool _closed;

    // Since when nothing was freed any more, and how much had been then.
    private long _closingSince;
    private uint _freedBefore;

    public KernelFlow(Socket socket, SendBuffer send, ReceiveBuffer receive, IHostHalfEvents events, KernelPump pump) =>
        (Socket, _send, _receive, _events, _pump) = (socket, send, receive, events, pump);

    public Socket Socket { get; }

    /// <summary>
    /// What the kernel tells of the socket. Not while it is closed: .NET's <see cref="Socket.Dispose()"/> frees a descriptor that somebody else uses by a
    /// disconnect, and the peer would get an RST for its FIN.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    /// <exception cref="SocketException">The kernel does not tell.</exception>
    public TcpInfo GetTcpInfo()
    {
        lock (Socket)
        {
            return Socket.GetTcpInfo();
        }
    }

    /// <summary>Called once, before it reads for the first time; null: nobody is.</summary>
    public Action? WhenThereIsRoom { get; set; }

    /// <summary>Whether either direction has ended, or the application has asked that: then the connection stays in the kernel.</summary>
    public bool HasEnding => _inputEnded || _outputFailed || _shutdownWanted || _closeWanted;

    public void Start()
    {
        lock (_gate)
        {
            _running = true;
            _number = _pump.Add(this);
        }

        Work();
    }

    /// <summary>Stops moving bytes; when it returns no byte moves.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _interrupted = _running;
            if (_running)
            {
                _running = false;
                _pump.Remove(this, _number);
            }
        }
    }

    /// <summary>Goes on after a <see cref="Stop"/>, if it was moving before.</summary>
    public void Resume()
    {
        if (_interrupted)
        {
            Start();
        }
    }

    /// <summary>Moves what can be moved. Any thread.</summary>
    public void Work()
    {
        if (s_depth >= Deepest)
        {
            _pump.Again(this);
            return;
        }

        s_depth++;
        try
        {
            MoveAndTell();
        }
        finally
        {
            s_depth--;
        }
    }

    /// <summary>The next <see cref="Work"/> reads again.</summary>
    public void TryMemoryAgain()
    {
        lock (_gate)
        {
            _starved = false;
        }
    }

    public void ShutdownSend()
    {
        _shutdownWanted = true;
        Work();
    }

    /// <summary>
    /// The application reads no more. As with a socket, data it has not read makes it an RST; otherwise what it wrote is sent first.
    /// </summary>
    public void Close()
    {
        bool closed = false;
        lock (_gate)
        {
            _closeWanted = true;
            _shutdownWanted = true;
            _mayRead = false;
            if (_receive.Unread > 0 || _outputFailed || _send.Count == 0 || !_running)
            {
                closed = CloseNow(withReset: _receive.Unread > 0);
            }
        }

        if (closed)
        {
            _events.Closed();
        }
        else
        {
            _pump.WhenClosingTakesTooLong(this);
            Work();
        }
    }

    /// <summary>
    /// Whether it is still being closed and has sent something within this time. The kernel gives up a closed socket by itself, but this one is
    /// not closed before it has taken everything, and a peer that takes nothing could hold it for ever.
    /// </summary>
    public bool IsClosingWithin(TimeSpan patience, long now)
    {
        lock (_gate)
        {
            if (_closingSince == 0 || _send.Freed != _freedBefore)
            {
                (_closingSince, _freedBefore) = (now, _send.Freed);
            }

            return !_closed && now - _closingSince < patience.TotalMilliseconds;
        }
    }

    public void Abort()
    {
        bool closed;
        lock (_gate)
        {
            closed = CloseNow(withReset: true);
        }

        if (closed)
        {
            _events.Closed();
        }
    }

    private void MoveAndTell()
    {
        bool readable = false;
        bool writable = false;
        bool more = false;
        Exception? inputError = null;
        Exception? outputError = null;
        bool inputEnded = false;
        bool closed = false;
        bool starved = false;
        lock (_gate)
        {
            if (!_running || _closed)
            {
                return;
            }

            if (!_inputEnded && _mayRead && !_starved)
            {
                more |= Read(out readable, out inputEnded, out inputError);
                starved = _starved;
                readable |= _receive.OwesNotice;
            }

            if (!_outputFailed)
            {
                more |= Write(out writable, out outputError);
            }

            closed = FinishOutput(ref outputError);
        }

        Tell(readable, writable, inputEnded, inputError, outputError, closed);
        if (more && !closed)
        {
            _pump.Again(this);
        }

        if (starved)
        {
            _pump.WhenMemoryMayBeBack(this);
        }
    }

    private void Tell(bool readable, bool writable, bool inputEnded, Exception? inputError, Exception? outputError, bool closed)
    {
        if (readable)
        {
            _events.Readable();
        }

        if (writable)
        {
            _events.Writable();
        }

        if (inputEnded)
        {
            _events.EndOfInput(inputError);
        }

        if (outputError is not null)
        {
            _events.EndOfOutput(outputError);
        }

        if (closed)
        {
            _events.Closed();
        }
    }

    /// <returns>Whether there may be more.</returns>
    private bool Read(out bool moved, out bool ended, out Exception? error)
    {
        (moved, ended, error) = (false, false, null);
        for (int total = 0; total < Budget;)
        {
            Memory<byte> memory;
            try
            {
                if (!_receive.TryGetMemory(out memory))
                {
                    // Full: the application's next read has us called.
                    return false;
                }
            }
            catch (OutOfBufferMemoryException)
            {
                // The peer waits, as it would for a slow reader.
                _starved = true;
                return false;
            }

            if (WhenThereIsRoom is { } tell)
            {
                WhenThereIsRoom = null;
                tell();
            }

            nint count;
            fixed (byte* bytes = memory.Span)
            {
                count = TcpSystemCalls.Receive(Socket.SafeHandle, bytes, (nuint)memory.Length, TcpSystemCalls.DoNotWait);
            }

            if (count > 0)
            {
                _receive.Produce((int)count);
                total += (int)count;
                moved = true;
            }
            else
            {
                int errno = Marshal.GetLastPInvokeError();

                // Ends the loan, so that an idle connection holds no memory.
                _receive.Produce(0);
                if (count < 0 && errno == Interrupted)
                {
                    continue;
                }

                if (count == 0 || errno != WouldBlock)
                {
                    error = count == 0 ? null : TcpSocketExtensions.ErrorOf(errno);
                    ended = _inputEnded = true;
                }

                return false;
            }
        }

        return true;
    }

    /// <returns>Whether there may be more.</returns>
    private bool Write(out bool moved, out Exception? error)
    {
        (moved, error) = (false, null);
        for (int total = 0; total < Budget;)
        {
            SeqNum una = _send.Una;
            int waiting = _send.End - una;
            if (waiting == 0)
            {
                return false;
            }

            _send.GetSlices(una, Math.Min(waiting, 64 << 10), out SendSlices slices);
            nint count = TcpSystemCalls.Send(
                Socket.SafeHandle, slices.P0, (nuint)slices.L0, TcpSystemCalls.DoNotWait | TcpSystemCalls.NoSignal);
            if (count > 0)
            {
                _send.FreeTo(una + (int)count);
                total += (int)count;
                moved = true;
            }
            else if (Marshal.GetLastPInvokeError() is var errno && errno == WouldBlock)
            {
                return false;
            }
            else if (errno != Interrupted)
            {
                error = TcpSocketExtensions.ErrorOf(errno);
                _outputFailed = true;
                return false;
            }
        }

        return true;
    }

    /// <returns>Whether the socket was closed.</returns>
    private bool FinishOutput(ref Exception? error)
    {
        if (!_outputFailed && _send.Count > 0)
        {
            return false;
        }

        if (_closeWanted)
        {
            return CloseNow(withReset: false);
        }

        if (_shutdownWanted && !_shutdownDone && !_outputFailed)
        {
            _shutdownDone = true;
            try
            {
                Socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException e)
            {
                _outputFailed = true;
                error = e;
            }
        }

        return false;
    }

    private bool CloseNow(bool withReset)
    {
        if (_closed)
        {
            return false;
        }

        _closed = true;
        if (_running)
        {
            _running = false;
            _pump.Remove(this, _number);
        }

        try
        {
            // A close that lingers would hold this thread up; the kernel sends what is left all the same.
            if (withReset || Socket.LingerState is { Enabled: true, LingerTime: > 0 })
            {
                Socket.LingerState = new LingerOption(enable: withReset, seconds: 0);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The kernel has reset it already, or the application has closed its socket itself.
        }

        lock (Socket)
        {
            Socket.Dispose();
        }

        return true;
    }
}
