using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using static TcpActors.Transport.Linux.Netlink.NetlinkSystemCalls;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>Makes something of a received message, or null to pass over it. The message is valid only during the call.</summary>
internal delegate T? NetlinkParser<out T>(in NetlinkMessage message)
    where T : class;

/// <summary>
/// A netlink socket for requests and their answers. It belongs to the network namespace of the thread that made it,
/// and may then be used from any thread, one request at a time.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    // Kernel dumps fill at most 32 KiB per datagram (netlink_recvmsg, max_recvmsg_len).
    private const int ReceiveBufferSize = 64 * 1024;
    private const int DumpAttempts = 16;
    private static readonly TimeSpan s_answerDeadline = TimeSpan.FromSeconds(10);
    private readonly Lock _turn = new();
    private readonly DescriptorHandle _socket;
    private uint _sequence;

    /// <exception cref="NetlinkException">The kernel does not know <paramref name="protocol"/> or has no descriptor to give.</exception>
    public NetlinkSocket(NetlinkProtocol protocol)
    {
        _socket = Open(protocol, out var portId);
        PortId = portId;
    }

    /// <summary>The kernel's name for this socket: what owns an nftables table with the owner flag.</summary>
    public uint PortId { get; }

    public void Dispose() => _socket.Dispose();

    /// <summary>Sends the request and waits until the kernel has carried it out.</summary>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public void Execute(NetlinkMessageBuilder request) => Query<object>(request, static (in NetlinkMessage _) => null);

    /// <summary>Sends a request that has one answer.</summary>
    /// <returns>The first result of <paramref name="parse"/> that is not null, or null.</returns>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public T? Query<T>(NetlinkMessageBuilder request, NetlinkParser<T> parse)
        where T : class
    {
        var results = new List<T>(1);
        Transact(request, parse, results, []);
        return results.Count > 0 ? results[0] : null;
    }

    /// <summary>Sends a request that has one answer, or is refused with an error that is an answer as well.</summary>
    /// <param name="request">The request.</param>
    /// <param name="parse">Makes something of the answer.</param>
    /// <param name="expected">Error numbers that only say that there is nothing: no exception, as a move asks several such questions.</param>
    /// <param name="result">The first result of <paramref name="parse"/> that is not null, or null.</param>
    /// <returns>False when the kernel refused with one of the errors expected.</returns>
    /// <exception cref="NetlinkException">The kernel refused it for another reason.</exception>
    public bool TryQuery<T>(NetlinkMessageBuilder request, NetlinkParser<T> parse, ReadOnlySpan<int> expected, out T? result)
        where T : class
    {
        var results = new List<T>(1);
        var refusal = Transact(request, parse, results, expected).Refusal;
        result = results.Count > 0 ? results[0] : null;
        return !refusal;
    }

    /// <summary>Asks for a whole table; asks again when it changed in the middle of being told (NLM_F_DUMP_INTR).</summary>
    /// <exception cref="NetlinkException">The kernel refused it, or the table would not hold still.</exception>
    public List<T> Dump<T>(NetlinkMessageBuilder request, NetlinkParser<T> parse)
        where T : class
    {
        var results = new List<T>();
        for (var attempt = 0; attempt < DumpAttempts; attempt++)
        {
            results.Clear();
            if (Transact(request, parse, results, []).Consistent)
                return results;
        }

        throw new NetlinkException(request.Operation, Errno.Interrupted, "the table kept changing while it was read");
    }

    internal static DescriptorHandle Open(NetlinkProtocol protocol, out uint portId)
    {
        const string operation = "open a netlink socket";
        var handle = new DescriptorHandle(Socket(AfNetlink, SockRaw | SockCloexec, (int)protocol));
        if (handle.IsInvalid)
            throw NetlinkException.FromLastError(operation);
        var address = new SockaddrNl { Family = AfNetlink };
        var length = (uint)sizeof(SockaddrNl);
        if (Bind(handle, address, length) != 0 || GetSocketName(handle, ref address, ref length) != 0)
        {
            var error = NetlinkException.FromLastError(operation);
            handle.Dispose();
            throw error;
        }

        // Refused by kernels before 4.12 and 4.3: errors then come without the kernel's words, or with the request repeated.
        _ = SetSocketOption(handle, SolNetlink, NetlinkExtAck, 1, sizeof(int));
        _ = SetSocketOption(handle, SolNetlink, NetlinkCapAck, 1, sizeof(int));
        portId = address.PortId;
        return handle;
    }

    /// <returns>The bytes received, or 0 when nothing waits. A datagram that another process sent counts as nothing.</returns>
    internal static int Receive(DescriptorHandle socket, Span<byte> buffer, string operation)
    {
        var sender = default(SockaddrNl);
        var senderLength = (uint)sizeof(SockaddrNl);
        nint received;
        fixed (byte* start = buffer)
        {
            received = ReceiveFrom(socket, start, buffer.Length, MsgDontwait | MsgTrunc, ref sender, ref senderLength);
        }

        if (received < 0)
        {
            return Marshal.GetLastPInvokeError() is Errno.Again or Errno.Interrupted
                ? 0
                : throw NetlinkException.FromLastError(operation);
        }

        if (received > buffer.Length)
            throw new NetlinkException(operation, Errno.MessageTooLong);
        return sender.PortId == 0 ? (int)received : 0;
    }

    /// <summary>One request and its answers up to the last acknowledgement or the end of the dump.</summary>
    /// <returns>Whether the dump was consistent, and whether the kernel refused with one of the errors expected.</returns>
    private (bool Consistent, bool Refusal) Transact<T>(
        NetlinkMessageBuilder request, NetlinkParser<T> parse, List<T> results, ReadOnlySpan<int> expected)
        where T : class
    {
        lock (_turn)
        {
            var first = _sequence + 1;
            var datagram = request.Finish(first, out var answered, out var next);
            _sequence = next - 1;
            Send(datagram, request.Operation);
            return ReceiveAnswers(new Exchange(request.Operation, first, answered), parse, results, expected);
        }
    }

    private void Send(ReadOnlySpan<byte> datagram, string operation)
    {
        // Large batches need room: the default send buffer holds about 200 KiB. Privileged, harmless when refused.
        if (datagram.Length > 128 * 1024)
            _ = SetSocketOption(_socket, SolSocket, SoSndbufForce, 2 * datagram.Length, sizeof(int));
        fixed (byte* start = datagram)
        {
            nint sent;
            do
            {
                sent = SendTo(_socket, start, datagram.Length, 0, new SockaddrNl { Family = AfNetlink }, (uint)sizeof(SockaddrNl));
            }
            while (sent < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

            if (sent != datagram.Length)
                throw NetlinkException.FromLastError(operation);
        }
    }

    private (bool Consistent, bool Refusal) ReceiveAnswers<T>(
        Exchange exchange, NetlinkParser<T> parse, List<T> results, ReadOnlySpan<int> expected)
        where T : class
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ReceiveBufferSize);
        try
        {
            var started = Stopwatch.GetTimestamp();
            while (!exchange.Finished)
            {
                ReadOnlySpan<byte> datagram = buffer.AsSpan(0, Receive(_socket, buffer, exchange.Operation));
                if (datagram.IsEmpty)
                    WaitReadable(started, exchange.Operation);
                while (!exchange.Finished && NetlinkMessage.TryRead(ref datagram, out var message))
                    exchange.Take(message, parse, results);
                if (!exchange.Finished && !datagram.IsEmpty)
                    throw new NetlinkException(exchange.Operation, Errno.BadMessage);
            }

            if (exchange.Failure is NetlinkException refusal && expected.Contains(refusal.Errno))
                return (!exchange.Inconsistent, Refusal: true);
            if (exchange.Failure is not null)
                throw exchange.Failure;
            return (!exchange.Inconsistent, Refusal: false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void WaitReadable(long started, string operation)
    {
        var left = s_answerDeadline - Stopwatch.GetElapsedTime(started);
        if (left <= TimeSpan.Zero)
            throw new NetlinkException(operation, Errno.TimedOut);
        var added = false;
        try
        {
            _socket.DangerousAddRef(ref added);
            var descriptor = new PollDescriptor { Descriptor = (int)_socket.DangerousGetHandle(), Events = PollIn };
            _ = Poll(&descriptor, 1, (int)left.TotalMilliseconds + 1);
        }
        finally
        {
            if (added)
                _socket.DangerousRelease();
        }
    }

    /// <summary>Where an exchange stands.</summary>
    private sealed class Exchange(string operation, uint first, uint answered)
    {
        private const ushort ErrorMessageAttribute = 1;

        public string Operation { get; } = operation;

        public bool Finished { get; private set; }

        public bool Inconsistent { get; private set; }

        public Exception? Failure { get; private set; }

        public void Take<T>(in NetlinkMessage message, NetlinkParser<T> parse, List<T> results)
            where T : class
        {
            // Left-overs of an exchange that was given up bear older numbers.
            if (message.Sequence - first > answered - first)
                return;
            Inconsistent |= (message.Flags & NetlinkFlags.DumpInterrupted) != NetlinkFlags.None;
            switch (message.Type)
            {
                case NetlinkMessage.Error:
                    Acknowledge(message);
                    break;
                case NetlinkMessage.Done:
                    Finished = true;
                    Fail(message, attributesAt: 4);
                    break;
                case >= NetlinkMessage.FirstOfFamily:
                    Parse(message, parse, results);
                    break;
            }
        }

        private void Acknowledge(in NetlinkMessage message)
        {
            var attributesAt = 4 + NetlinkMessage.HeaderSize;
            if ((message.Flags & NetlinkFlags.Capped) == NetlinkFlags.None
                && MemoryMarshal.TryRead(message.Payload[Math.Min(4, message.Payload.Length)..], out uint requestLength))
                attributesAt = 4 + (int)Math.Min((requestLength + 3) & ~3u, int.MaxValue - 4);
            Fail(message, attributesAt);
            // A batch whose frame was refused is over at once: nfnetlink answers with the number of its first message.
            Finished = message.Sequence == answered || (message.Sequence == first && Failure is not null);
        }

        private void Fail(in NetlinkMessage message, int attributesAt)
        {
            if (!MemoryMarshal.TryRead(message.Payload, out int code) || code >= 0 || Failure is not null)
                return;
            string? text = null;
            if ((message.Flags & NetlinkFlags.AckAttributes) != NetlinkFlags.None)
            {
                foreach (var attribute in message.Attributes(attributesAt))
                {
                    if (attribute.Type == ErrorMessageAttribute)
                        text = attribute.Text;
                }
            }

            Failure = new NetlinkException(Operation, -code, text);
        }

        // An exception of the parser waits until the exchange is over, so that the socket is left clean.
        private void Parse<T>(in NetlinkMessage message, NetlinkParser<T> parse, List<T> results)
            where T : class
        {
            try
            {
                if (parse(message) is { } result)
                    results.Add(result);
            }
#pragma warning disable CA1031 // Rethrown as it is when the exchange is over.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Failure ??= exception;
            }
        }
    }
}
