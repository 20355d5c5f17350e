using System.Net.Sockets;
using TcpActors.HostSide;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// One end of a connection as the script of conversations uses it, and what it was told: bytes and errors, in order. Reads and writes go
/// through the same code whatever the end is made of.
/// </summary>
internal abstract class CloseEnd
{
    private readonly List<string> _told = [];

    /// <summary>What each call came to, such as "read 100", "write ConnectionReset", "end of stream".</summary>
    public IReadOnlyList<string> Told => _told;

    /// <summary>Received and not yet read.</summary>
    public abstract int Available { get; }

    /// <summary>Reads until so many bytes are there, the stream ends or an error comes. How many calls that took is not told: it is chance.</summary>
    public async Task ReadAsync(int count)
    {
        byte[] buffer = new byte[count];
        int got = 0;
        string? end = null;
        try
        {
            while (got < count && end is null)
            {
                int now = await ReceiveAsync(buffer.AsMemory(got)).WaitAsync(CloseTap.Patience);
                (got, end) = (got + now, now == 0 ? "end of stream" : null);
            }
        }
        catch (SocketException e)
        {
            end = $"read {e.SocketErrorCode}";
        }

        if (got > 0)
        {
            _told.Add($"read {got}");
        }

        if (end is not null)
        {
            _told.Add(end);
        }
    }

    public async Task WriteAsync(int count)
    {
        try
        {
            await SendAsync(new byte[count]).WaitAsync(CloseTap.Patience);
            _told.Add($"wrote {count}");
        }
        catch (SocketException e)
        {
            _told.Add($"write {e.SocketErrorCode}");
        }
    }

    /// <summary>
    /// Writes more than anybody takes, until an RST ends it. Which error is left out: on kernel sockets too it is now ConnectionReset, now
    /// Shutdown, as an attempt of .NET's own between two waits may have been told of the RST before.
    /// </summary>
    public async Task WriteUntilResetAsync(int count)
    {
        SocketException e = await Xunit.Assert.ThrowsAsync<SocketException>(() => SendAsync(new byte[count]).WaitAsync(CloseTap.Patience));
        _told.Add(e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown ? "write ended" : $"write {e.SocketErrorCode}");
    }

    public abstract void ShutdownSend();

    public abstract void Close();

    /// <summary>Closes with an RST.</summary>
    public abstract void Abort();

    protected abstract Task<int> ReceiveAsync(Memory<byte> buffer);

    protected abstract Task SendAsync(ReadOnlyMemory<byte> bytes);
}

/// <summary>A kernel socket.</summary>
internal sealed class SocketEnd(Socket socket) : CloseEnd
{
    public override int Available => socket.Available;

    public override void ShutdownSend() => socket.Shutdown(SocketShutdown.Send);

    public override void Close() => socket.Dispose();

    public override void Abort()
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    protected override Task<int> ReceiveAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer).AsTask();

    protected override async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }
}

/// <summary>A connection of an <see cref="OffloadHost"/>.</summary>
internal sealed class ConnectionEnd(Connection connection) : CloseEnd
{
    public override int Available => connection.Memory.Receive.Unread;

    public override void ShutdownSend() => connection.Output.Complete();

    public override void Close() => Assert(connection.DisposeAsync().IsCompletedSuccessfully);

    public override void Abort() => connection.Abort();

    protected override Task<int> ReceiveAsync(Memory<byte> buffer) => connection.ReceiveAsync(buffer).AsTask();

    protected override Task SendAsync(ReadOnlyMemory<byte> bytes) => connection.Output.WriteAsync(bytes).AsTask();

    private static void Assert(bool holds) => Xunit.Assert.True(holds, "closing waited");
}
