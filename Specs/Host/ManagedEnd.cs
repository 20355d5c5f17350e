using System.Buffers;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>An application's end of a managed connection, with what it was told.</summary>
internal sealed class ManagedEnd : IHostHalfEvents
{
    private readonly ManagedSide _side;

    public ManagedEnd(ManagedSide side, ManagedHalf half, int limit = 4 << 20)
    {
        (_side, Half) = (side, half);
        Send = new SendBuffer(side.Pool, limit);
        Receive = new ReceiveBuffer(side.Pool, side.Stack.Options.ReceiveBufferLimit);
        half.Attach(Send, Receive, this);
        half.Start();
    }

    public ManagedHalf Half { get; }

    public SendBuffer Send { get; }

    public ReceiveBuffer Receive { get; }

    /// <summary>What ended a direction, in order.</summary>
    public List<string> Told { get; } = [];

    public int ReadableRings { get; private set; }

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

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Assert.Equal(bytes.Length, Send.Write(bytes));
        Half.DataReady();
    }

    public byte[] ReadAll()
    {
        ReadOnlySequence<byte> readable = Receive.GetReadable();
        byte[] bytes = readable.ToArray();
        Receive.Consume(bytes.Length);
        Half.WindowOpened();
        return bytes;
    }

    public void Readable() => ReadableRings++;

    public void Writable()
    {
    }

    public void EndOfInput(Exception? error) => Told.Add($"end of input {Name(error)}".TrimEnd());

    public void EndOfOutput(Exception error) => Told.Add($"end of output {Name(error)}");

    public void Closed() => Told.Add("closed");

    private static string Name(Exception? error) =>
        error is System.Net.Sockets.SocketException socket ? socket.SocketErrorCode.ToString() : error?.GetType().Name ?? "";
}
