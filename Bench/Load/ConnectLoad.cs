using System.Diagnostics;
using System.Net.Sockets;
using TcpActors.Bench.Measuring;

namespace TcpActors.Bench.Load;

/// <summary>
/// Connections that live for one request: connect, ask, be answered, see the server close. The server closes first, so that TIME-WAIT is
/// its own and the client does not run out of ports.
/// </summary>
internal static class ConnectLoad
{
    /// <summary>Threads that each have one connection at a time.</summary>
    public const int Threads = 16;

    public const int MessageSize = 64;

    public static Figures Run(LoadOrder order)
    {
        Caller[] callers = [.. Enumerable.Range(0, Threads).Select(number => new Caller(order, number))];
        using var pause = new ManualResetEventSlim();
        pause.Wait(TimeSpan.FromSeconds(order.RampSeconds));
        CpuReading start = CpuReading.Take(order.ServerProcess);
        pause.Wait(TimeSpan.FromSeconds(order.Seconds));
        CpuReading end = CpuReading.Take(order.ServerProcess);
        Figures figures = end.Since(start);
        foreach (Caller caller in callers)
        {
            caller.Stop();
        }

        float[] times = [.. callers.SelectMany(caller => caller.TimesBetween(start.At, end.At)).Order()];
        if (times.Length == 0)
        {
            throw new BenchException("No connection was served in the time measured.");
        }

        figures["connections"] = times.Length;
        figures[RequestLoad.Rate] = times.Length / figures[Figures.Seconds];
        figures[RequestLoad.P50] = Statistics.Percentile(times, 0.5);
        figures[RequestLoad.P99] = Statistics.Percentile(times, 0.99);
        figures[RequestLoad.P999] = Statistics.Percentile(times, 0.999);
        Efficiency.Add(figures, times.Length, RequestLoad.PerCpuSecond, RequestLoad.PerMachineSecond);
        return figures;
    }

    private sealed class Caller
    {
        private readonly LoadOrder _order;
        private readonly EchoExchange _exchange;
        private readonly List<(long End, float Microseconds)> _done = new(1 << 16);
        private readonly Thread _thread;
        private Exception? _failure;
        private bool _stop;

        public Caller(LoadOrder order, int number)
        {
            (_order, _exchange) = (order, new EchoExchange(MessageSize, number));
            _thread = new Thread(Run) { IsBackground = true, Name = "caller" };
            _thread.Start();
        }

        public void Stop()
        {
            Volatile.Write(ref _stop, true);
            _thread.Join();
            if (_failure is not null)
            {
                throw new BenchException($"A connection failed after {_done.Count}: {_failure.Message}", _failure);
            }
        }

        public IEnumerable<float> TimesBetween(long from, long to) =>
            _done.Where(each => each.End >= from && each.End <= to).Select(each => each.Microseconds);

        private void Run()
        {
            Span<byte> answer = stackalloc byte[MessageSize];
            try
            {
                while (!Volatile.Read(ref _stop))
                {
                    long start = Stopwatch.GetTimestamp();
                    using Socket socket = LoadSocket.Connect(_order.EndPoint());
                    LoadSocket.SendAll(socket, _exchange.NextRequest());
                    LoadSocket.ReceiveAll(socket, answer);
                    _exchange.IsWhole(answer);
                    if (socket.Receive(answer) != 0)
                    {
                        throw new BenchException("The server said more than the answer.");
                    }

                    long end = Stopwatch.GetTimestamp();
                    _done.Add((end, (float)Stopwatch.GetElapsedTime(start, end).TotalMicroseconds));
                }
            }
#pragma warning disable CA1031 // Told by Stop.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _failure = failure;
            }
        }
    }
}
