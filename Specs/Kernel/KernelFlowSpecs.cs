using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>What a connection costs while the kernel owns it.</summary>
public sealed class KernelFlowSpecs : IHostHalfEvents
{
    private readonly ManagedChunkPool _pool = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action _onWritable = static () => { };

    [KernelFact]
    public async Task A_connection_that_was_read_empty_holds_no_buffer_memory()
    {
        using KernelConnection both = await OverLoopbackAsync();
        Socket client = both.Client;
        using var send = new SendBuffer(_pool, 1 << 20);
        using var receive = new ReceiveBuffer(_pool, 1 << 20);
        using var pump = new KernelPump(NullLogger.Instance);
        var flow = new KernelFlow(both.Server, send, receive, this, pump);

        flow.Start();
        Assert.Equal(0, _pool.RentedBytes);

        await client.SendAsync(new byte[100_000]);
        await FenceLine.UntilAsync(() => receive.Unread == 100_000, "it has been received");
        Assert.Equal(100_000, receive.GetReadable().Length);
        receive.Consume(100_000);
        flow.Work();
        await FenceLine.UntilAsync(() => _pool.RentedBytes == 0, "its memory has gone back");
        flow.Abort();
    }

    /// <summary>
    /// RFC 9293 3.8.6.1 lets a peer close its window for as long as it likes; who has closed the connection need not wait for that.
    /// </summary>
    [KernelFact]
    public async Task A_closed_connection_whose_peer_takes_nothing_is_reset_in_the_end()
    {
        using KernelConnection both = await OverLoopbackAsync(
            listener => listener.SendBufferSize = 8192, client => client.ReceiveBufferSize = 8192);
        using var send = new SendBuffer(_pool, 1 << 20);
        using var receive = new ReceiveBuffer(_pool, 1 << 20);
        using var pump = new KernelPump(NullLogger.Instance, closePatience: TimeSpan.FromMilliseconds(1));
        send.Write(new byte[1 << 20]);
        var flow = new KernelFlow(both.Server, send, receive, this, pump);
        flow.Start();

        flow.Close();

        await _closed.Task.WaitAsync(TrafficConnection.Patience);
        await FenceLine.UntilAsync(() => Reset(both.Client), "the reset");
    }

    // With a buffer of a few bytes the stack overflowed.
    [KernelFact]
    public async Task A_writer_that_writes_when_it_is_told_of_room_does_not_deepen_the_stack()
    {
        const int pieces = 3000;
        using KernelConnection both = await OverLoopbackAsync();
        Socket client = both.Client;
        using var send = new SendBuffer(_pool, 1);
        using var receive = new ReceiveBuffer(_pool, 1 << 20);
        using var pump = new KernelPump(NullLogger.Instance);
        var flow = new KernelFlow(both.Server, send, receive, this, pump);
        (int written, int depth, int deepest) = (1, 0, 0);
        _onWritable = () =>
        {
            deepest = Math.Max(deepest, ++depth);
            if (written < pieces)
            {
                written += send.Write([(byte)written]);
                flow.Work();
            }

            depth--;
        };
        send.Write([0]);
        flow.Start();

        byte[] received = new byte[pieces];
        for (int count = 0; count < pieces;)
        {
            count += await client.ReceiveAsync(received.AsMemory(count)).AsTask().WaitAsync(TrafficConnection.Patience);
        }

        Assert.Equal(Enumerable.Range(0, pieces).Select(static i => (byte)i), received);
        Assert.InRange(deepest, 1, 20);
        flow.Abort();
    }

    private static async Task<KernelConnection> OverLoopbackAsync(Action<Socket>? listening = null, Action<Socket>? connecting = null)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening?.Invoke(listener);
        connecting?.Invoke(client);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await client.ConnectAsync(listener.LocalEndPoint!);
        return new KernelConnection(await listener.AcceptAsync(), client);
    }

    private static bool Reset(Socket client)
    {
        byte[] bytes = new byte[65536];
        try
        {
            client.Receive(bytes);
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    void IHostHalfEvents.Readable()
    {
    }

    void IHostHalfEvents.Writable() => _onWritable();

    void IHostHalfEvents.EndOfInput(Exception? error)
    {
    }

    void IHostHalfEvents.EndOfOutput(Exception error)
    {
    }

    void IHostHalfEvents.Closed() => _closed.TrySetResult();
}
