using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Load;
using TcpActors.Bench.Moves;
using TcpActors.Bench.Serving;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Recording;

/// <summary>
/// The peer's end of one connection of the record: a kernel socket in another namespace, and a thread for each thing it does. What comes back
/// from an echo is compared byte for byte.
/// </summary>
internal sealed class Talk : IDisposable
{
    private const int Small = 100;
    private const int Request = 64;

    /// <summary>Of an ordinary MTU, with timestamps.</summary>
    private const int FullSegment = 1448;

    /// <summary>Of one whose peer does not read: little, so that the server's end has to wait.</summary>
    private const int SmallBuffer = 64 << 10;

    /// <summary>
    /// More bytes than an echo may write ahead while nobody reads (a TOE gives each of three that write a third of 8 MiB), and fewer than with its receive window: it
    /// waits, and the window is open. They are written block by block, for an echo that has read a lot at once gives no memory back before it has written all of that.
    /// </summary>
    private const int EchoWaits = 7 << 19;

    /// <summary>Between two blocks, µs.</summary>
    private const double Breath = 1000;

    /// <summary>So often in a row there is no room: there will not be.</summary>
    private const int Vain = 200;

    private readonly Socket _socket;
    private readonly List<Thread> _threads = [];
    private volatile bool _isOver;
    private Exception? _failure;

    private Talk(Socket socket) => _socket = socket;

    /// <param name="where">The peer's namespace.</param>
    /// <param name="server">Whom it talks with.</param>
    /// <param name="isNarrow">Whether its buffers are small.</param>
    public static Talk Connect(NetworkNamespace where, IPEndPoint server, bool isNarrow = false)
    {
        Socket socket = where.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        if (isNarrow)
        {
            socket.SendBufferSize = socket.ReceiveBufferSize = SmallBuffer;
        }

        socket.Connect(server);
        return new Talk(socket);
    }

    /// <summary>Writes a block every so many µs.</summary>
    public Talk Streams(double interval) => Does(pause =>
    {
        for (long sent = 0; ; sent += Content.BlockLength)
        {
            LoadSocket.SendAll(_socket, Content.At(sent).Span);
            pause.For(interval);
        }
    });

    /// <summary>Writes a few bytes every so many µs.</summary>
    public Talk Drips(double interval) => Does(pause =>
    {
        while (true)
        {
            _socket.Send(new byte[Small]);
            pause.For(interval);
        }
    });

    /// <summary>Reads, and compares with what <see cref="Streams"/> has written.</summary>
    public Talk Reads() => Does(_ =>
    {
        byte[] bytes = new byte[Content.BlockLength];
        int count;
        for (long received = 0; (count = _socket.Receive(bytes)) > 0; received += count)
        {
            Content.Check(received, bytes.AsSpan(0, count));
        }
    });

    /// <summary>
    /// Writes to an echo and reads nothing: first so much that the echo waits and the server's window is open still, then full segments without PSH, then until that
    /// window has no room. Then it reads all, and begins again.
    /// </summary>
    /// <param name="interval">Between two of these segments, µs.</param>
    /// <param name="count">Of these segments.</param>
    public Talk Stalls(double interval, int count) => Does(pause =>
    {
        (long sent, long received) = (0, 0);
        while (true)
        {
            while (sent - received < EchoWaits)
            {
                sent += Write(sent, SmallBuffer, isPushed: true);
                pause.For(Breath);
            }

            for (int i = 0; i < count; i++)
            {
                sent += Write(sent, FullSegment, isPushed: false);
                pause.For(interval);
            }

            int vain = 0;
            for (int step; vain < Vain; sent += step, vain = step > 0 ? 0 : vain + 1)
            {
                step = Write(sent, SmallBuffer, isPushed: true);
                pause.For(Breath);
            }

            received = Take(received, sent - SmallBuffer);
        }
    });

    /// <summary>Writes so many bytes.</summary>
    public void Write(int bytes) => LoadSocket.SendAll(_socket, new byte[bytes]);

    /// <summary>Has nothing more to write: FIN.</summary>
    public void EndWriting() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Reads and forgets, until the server says that it is done; says nothing itself then.</summary>
    public Talk Listens() => Does(_ =>
    {
        byte[] bytes = new byte[Content.BlockLength];
        while (_socket.Receive(bytes) > 0)
        {
        }
    });

    /// <summary>A request every so many µs, whose answer it waits for.</summary>
    public Talk Asks(double interval) => Does(pause =>
    {
        byte[] bytes = new byte[Request];
        while (true)
        {
            _socket.Send(bytes);
            LoadSocket.ReceiveAll(_socket, bytes);

            pause.For(interval);
        }
    });

    /// <exception cref="BenchException">Something went wrong before the end.</exception>
    public void Check()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw new BenchException($"A peer failed: {failure.Message}", failure);
        }
    }

    public void Dispose()
    {
        _isOver = true;
        _socket.Dispose();
        _threads.ForEach(thread => thread.Join());
    }

    private int Write(long at, int bytes, bool isPushed) => _socket.SendSome(Content.At(at).Span[..bytes], isPushed);

    /// <returns>How far it has read and compared.</returns>
    private long Take(long from, long to)
    {
        byte[] bytes = new byte[SmallBuffer];
        while (from < to)
        {
            int count = _socket.Receive(bytes, (int)Math.Min(bytes.Length, to - from), SocketFlags.None);
            if (count == 0)
            {
                throw new BenchException("The echo ended before everything was back.");
            }

            Content.Check(from, bytes.AsSpan(0, count));
            from += count;
        }

        return from;
    }

    private Talk Does(Action<Pause> what)
    {
        var thread = new Thread(() =>
        {
            using var pause = new Pause();
            try
            {
                what(pause);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or BenchException)
            {
                Interlocked.CompareExchange(ref _failure, _isOver ? null : exception, null);
            }
        })
        { IsBackground = true };
        _threads.Add(thread);
        thread.Start();
        return this;
    }
}
