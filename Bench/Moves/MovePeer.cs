using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TcpActors.Bench.Moves;

/// <summary>
/// The peer of connections that move: a process of its own with blocking kernel sockets, in the network namespace that it is started in. Ends
/// when its input ends; then what it noted goes to its output.
/// </summary>
internal static class MovePeer
{
    /// <summary>The first argument of a process that is to run this.</summary>
    public const string Verb = "move-peer";

    public const int MessageSize = 64;
    public const int BlockSize = 256 << 10;
    public const double MessageInterval = 100;
    public const double PushInterval = 1000;

    /// <param name="arguments">Address, port, <see cref="MoveTraffic"/>, number of connections.</param>
    public static int Run(string[] arguments)
    {
        var server = new IPEndPoint(IPAddress.Parse(arguments[0]), int.Parse(arguments[1], CultureInfo.InvariantCulture));
        MoveTraffic traffic = Enum.Parse<MoveTraffic>(arguments[2]);
        int count = int.Parse(arguments[3], CultureInfo.InvariantCulture);
        var sockets = new Socket[count];
        for (int i = 0; i < count; i++)
        {
            sockets[i] = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            sockets[i].Connect(server);
        }

        var arrivals = new Arrivals(1 << 22);
        var thread = new Thread(() => Exchange(sockets[0], traffic, arrivals)) { IsBackground = true };
        thread.Start();
        using Stream input = Console.OpenStandardInput();
        while (input.ReadByte() >= 0)
        {
        }

        using Stream output = Console.OpenStandardOutput();
        arrivals.WriteTo(output);
        foreach (Socket socket in sockets)
        {
            socket.Dispose();
        }

        return 0;
    }

    private static void Exchange(Socket socket, MoveTraffic traffic, Arrivals arrivals)
    {
        try
        {
            switch (traffic)
            {
                case MoveTraffic.Echo:
                    Echo(socket, arrivals);
                    break;
                case MoveTraffic.MessagesDown:
                    Receive(socket, MessageSize, arrivals);
                    break;
                case MoveTraffic.PushesDown:
                    new Thread(() => SpeakNowAndThen(socket)) { IsBackground = true }.Start();
                    Receive(socket, MessageSize, arrivals);
                    break;
                case MoveTraffic.BulkDown:
                    Receive(socket, BlockSize, arrivals);
                    break;
                case MoveTraffic.MessagesUp:
                    SendMessages(socket);
                    break;
                case MoveTraffic.BulkUp:
                    SendBlocks(socket);
                    break;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the run.
        }
    }

    private static void Echo(Socket socket, Arrivals arrivals)
    {
        byte[] message = new byte[MessageSize];
        while (true)
        {
            socket.Send(message);
            for (int got = 0; got < message.Length;)
            {
                int count = socket.Receive(message, got, message.Length - got, SocketFlags.None);
                if (count == 0)
                {
                    return;
                }

                got += count;
            }

            arrivals.Note();
        }
    }

    private static void Receive(Socket socket, int size, Arrivals arrivals)
    {
        byte[] bytes = new byte[size];
        while (socket.Receive(bytes) > 0)
        {
            arrivals.Note();
        }
    }

    private static void SendMessages(Socket socket)
    {
        using var pause = new Pause();
        byte[] message = new byte[MessageSize];
        for (long next = Stopwatch.GetTimestamp(); ; next += (long)(MessageInterval * Stopwatch.Frequency / 1e6))
        {
            socket.Send(message);
            pause.Until(next);
        }
    }

    private static void SpeakNowAndThen(Socket socket)
    {
        using var pause = new Pause();
        try
        {
            while (true)
            {
                socket.Send(new byte[1]);
                pause.For(5 * PushInterval);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the run.
        }
    }

    private static void SendBlocks(Socket socket)
    {
        byte[] block = new byte[BlockSize];
        while (true)
        {
            socket.Send(block);
        }
    }
}
