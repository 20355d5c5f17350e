using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Load;

/// <summary>Opens connections, has each exchange its bytes, leaves all of them idle and asks the server what they take.</summary>
internal static class MemoryLoad
{
    /// <summary>Bytes on the managed heap for each connection.</summary>
    public const string Managed = "managed";

    /// <summary>Bytes of resident memory for each connection.</summary>
    public const string Resident = "resident";

    // An idle connection gives up what it can after two seconds.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static Figures Run(LoadOrder order, int connections)
    {
        using Socket teller = LoadSocket.Connect(order.EndPoint());
        teller.Send([MemoryServing.Tell]);
        long[] before = Await(teller, waiting: 0);
        var idle = new List<Socket>(connections);
        try
        {
            byte[] answer = new byte[MemoryServing.Bytes];
            for (int i = 0; i < connections; i++)
            {
                idle.Add(LoadSocket.Connect(order.EndPoint()));
                Exchange(idle[^1], answer);
            }

            // The answer that is on its way is from before the connections were there, so the next is from after the rest.
            using var pause = new ManualResetEventSlim();
            pause.Wait(s_rest);
            long[] after = Await(teller, connections);
            return new Figures
            {
                [Managed] = (after[1] - before[1]) / (double)connections,
                [Resident] = (after[2] - before[2]) / (double)connections,
            };
        }
        finally
        {
            foreach (Socket socket in idle)
            {
                socket.Dispose();
            }
        }
    }

    private static void Exchange(Socket socket, byte[] answer)
    {
        socket.Send([MemoryServing.Exchange]);
        for (int sent = 0; sent < MemoryServing.Bytes; sent += Content.BlockLength)
        {
            LoadSocket.SendAll(socket, Content.At(sent).Span);
        }

        LoadSocket.ReceiveAll(socket, answer);
        for (int at = 0; at < answer.Length; at += Content.BlockLength)
        {
            Content.Check(at, answer.AsSpan(at, Content.BlockLength));
        }
    }

    /// <summary>Asks until that many connections wait.</summary>
    private static long[] Await(Socket teller, int waiting)
    {
        byte[] bytes = new byte[MemoryServing.Told * sizeof(long)];
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < s_patience;)
        {
            LoadSocket.ReceiveAll(teller, bytes);
            long[] told = [.. Enumerable.Range(0, MemoryServing.Told).Select(i => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8 * i)))];
            teller.Send([MemoryServing.Tell]);
            if (told[0] == waiting)
            {
                return told;
            }
        }

        throw new BenchException($"The server has not {waiting} waiting connections after {s_patience.TotalSeconds} s.");
    }
}
