using System.Diagnostics;
using System.Net.Sockets;
using TcpActors.Bench.Measuring;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.Bench.Load;

/// <summary>
/// Request and response in a closed loop: every connection sends its next request when it has the answer to the last. One connection is a
/// thread with blocking calls; many are one thread with epoll, so that the load costs as little as it can.
/// </summary>
internal sealed class RequestLoad
{
    public const string P50 = "p50";
    public const string P99 = "p99";
    public const string P999 = "p99.9";

    /// <summary>Answers a second.</summary>
    public const string Rate = "rate";

    /// <summary>Answers for each CPU second of the serving process.</summary>
    public const string PerCpuSecond = "per-cpu-s";

    /// <summary>Answers for each CPU second of the machine.</summary>
    public const string PerMachineSecond = "per-machine-s";

    private readonly LoadOrder _order;
    private readonly List<float> _latencies = new(1 << 20);
    private readonly long _ramp;
    private readonly long _end;
    private CpuReading _start;
    private bool _isMeasuring;

    private RequestLoad(LoadOrder order)
    {
        _order = order;
        _ramp = Stopwatch.GetTimestamp() + (long)(order.RampSeconds * Stopwatch.Frequency);
        _end = _ramp + (long)(order.Seconds * Stopwatch.Frequency);
    }

    /// <param name="order">How long.</param>
    /// <param name="connections">How many.</param>
    /// <param name="connect">Makes a connection that the server is ready to answer.</param>
    /// <param name="exchange">What client number so-and-so says.</param>
    public static Figures Run(LoadOrder order, int connections, Func<Socket> connect, Func<int, Exchange> exchange)
    {
        Client[] clients = [.. Enumerable.Range(0, connections).Select(number => new Client(connect(), exchange(number)))];
        try
        {
            var load = new RequestLoad(order);
            return connections == 1 ? load.RunOne(clients[0]) : load.RunMany(clients);
        }
        finally
        {
            foreach (Client client in clients)
            {
                client.Dispose();
            }
        }
    }

    private Figures RunOne(Client client)
    {
        long now = Stopwatch.GetTimestamp();
        while (now < _end)
        {
            client.Send(now);
            while (!client.Receive())
            {
            }

            now = Stopwatch.GetTimestamp();
            Note(client.SentAt, now);
        }

        return Finish();
    }

    private Figures RunMany(Client[] clients)
    {
        using var epoll = new Epoll();
        for (int i = 0; i < clients.Length; i++)
        {
            clients[i].BeginWithoutWaiting();
            epoll.Add(clients[i].Handle, (ulong)i + 1);
            clients[i].Send(Stopwatch.GetTimestamp());
        }

        Span<ulong> ready = stackalloc ulong[256];
        while (true)
        {
            int count = epoll.Wait(ready, 20_000);
            if (count == 0)
            {
                throw new BenchException("No connection was answered for 20 s.");
            }

            foreach (ulong number in ready[..count])
            {
                Client client = clients[(int)number - 1];
                if (client.Receive())
                {
                    long now = Stopwatch.GetTimestamp();
                    Note(client.SentAt, now);
                    if (now >= _end)
                    {
                        return Finish();
                    }

                    client.Send(now);
                }
            }
        }
    }

    private void Note(long sentAt, long now)
    {
        if (_isMeasuring)
        {
            _latencies.Add((float)Stopwatch.GetElapsedTime(sentAt, now).TotalMicroseconds);
        }
        else if (now >= _ramp)
        {
            _start = CpuReading.Take(_order.ServerProcess);
            _isMeasuring = true;
        }
    }

    private Figures Finish()
    {
        Figures figures = CpuReading.Take(_order.ServerProcess).Since(_start);
        if (_latencies.Count == 0)
        {
            throw new BenchException("No answer came in the time measured.");
        }

        _latencies.Sort();
        figures["answers"] = _latencies.Count;
        figures[P50] = Statistics.Percentile(_latencies, 0.5);
        figures[P99] = Statistics.Percentile(_latencies, 0.99);
        figures[P999] = Statistics.Percentile(_latencies, 0.999);
        figures[Rate] = _latencies.Count / figures[Figures.Seconds];
        Efficiency.Add(figures, _latencies.Count, PerCpuSecond, PerMachineSecond);
        return figures;
    }

    private sealed class Client(Socket socket, Exchange exchange) : IDisposable
    {
        private readonly byte[] _answer = new byte[exchange.Capacity];
        private int _have;

        public SafeSocketHandle Handle => socket.SafeHandle;

        public long SentAt { get; private set; }

        public void BeginWithoutWaiting() => socket.Blocking = false;

        public void Send(long now)
        {
            SentAt = now;
            _have = 0;
            ReadOnlySpan<byte> request = exchange.NextRequest();
            if (socket.Send(request) != request.Length)
            {
                throw new BenchException("A send buffer cannot take one request.");
            }
        }

        /// <returns>Whether the answer is whole.</returns>
        public bool Receive()
        {
            while (true)
            {
                int count = socket.Receive(_answer.AsSpan(_have), SocketFlags.None, out SocketError error);
                if (error == SocketError.WouldBlock)
                {
                    return false;
                }

                if (error != SocketError.Success || count == 0)
                {
                    throw new BenchException($"The server ended a connection that waits for an answer ({error}).");
                }

                _have += count;
                if (exchange.IsWhole(_answer.AsSpan(0, _have)))
                {
                    return true;
                }
            }
        }

        public void Dispose() => socket.Dispose();
    }
}
