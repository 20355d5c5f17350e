using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Load;

/// <summary>The load's end of a connection: always a kernel socket, used by one thread with blocking calls.</summary>
internal static class LoadSocket
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static Socket Connect(IPEndPoint server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        // A blocking call that nothing answers ends the run with an error and not the bench with a hang.
        socket.ReceiveTimeout = socket.SendTimeout = (int)s_patience.TotalMilliseconds;
        socket.Connect(server);
        return socket;
    }

    /// <summary>Connects and waits until the server says that it is ready to be measured.</summary>
    public static Socket ConnectReady(IPEndPoint server)
    {
        Socket socket = Connect(server);
        byte[] ready = new byte[1];
        ReceiveAll(socket, ready);
        return ready[0] == BulkServing.Ready ? socket : throw new BenchException("The server did not say that it is ready.");
    }

    public static void SendAll(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    /// <exception cref="BenchException">The stream ended before.</exception>
    public static void ReceiveAll(Socket socket, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = socket.Receive(bytes);
            bytes = count > 0 ? bytes[count..] : throw new BenchException("The server ended the stream early.");
        }
    }
}
