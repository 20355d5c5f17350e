using System.Buffers.Binary;
using System.Net.Sockets;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.Bench.Load;

/// <summary>The load's half of bulk streams, a blocking thread for each. What is measured is a time in the middle of the streams.</summary>
internal static class BulkLoad
{
    /// <summary>The rate, in Gbit/s.</summary>
    public const string Throughput = "throughput";

    /// <summary>Bytes for each CPU second of the serving process, in GB.</summary>
    public const string PerCpuSecond = "per-cpu-s";

    /// <summary>Bytes for each CPU second of the machine, in GB.</summary>
    public const string PerMachineSecond = "per-machine-s";

    /// <exception cref="BenchException">Bytes are missing, too many or wrong.</exception>
    public static Figures Run(LoadOrder order, int streams, bool fromServer)
    {
        Stream[] all = [.. Enumerable.Range(0, streams).Select(_ => new Stream(order, fromServer))];
        using var pause = new ManualResetEventSlim();
        foreach (Stream stream in all)
        {
            stream.Start();
        }

        pause.Wait(TimeSpan.FromSeconds(order.RampSeconds));
        long before = all.Sum(stream => stream.Delivered);
        CpuReading start = CpuReading.Take(order.ServerProcess);
        pause.Wait(TimeSpan.FromSeconds(order.Seconds));
        long bytes = all.Sum(stream => stream.Delivered) - before;
        Figures figures = CpuReading.Take(order.ServerProcess).Since(start);
        foreach (Stream stream in all)
        {
            stream.Stop();
        }

        foreach (Stream stream in all)
        {
            stream.Join();
        }

        double gigabytes = bytes / 1e9;
        figures["bytes"] = bytes;
        figures[Throughput] = gigabytes * 8 / figures[Figures.Seconds];
        Efficiency.Add(figures, gigabytes, PerCpuSecond, PerMachineSecond);
        return figures;
    }

    private sealed class Stream
    {
        private readonly bool _fromServer;
        private readonly byte _order;
        private readonly bool _check;
        private readonly Socket _socket;
        private readonly Thread _thread;
        private Exception? _failure;
        private long _count;
        private bool _stop;

        public Stream(LoadOrder order, bool fromServer)
        {
            (_fromServer, _check) = (fromServer, order.Check);
            _order = order.Moves ? BulkServing.Move : _check ? BulkServing.Check : BulkServing.Measure;
            _socket = LoadSocket.ConnectReady(order.EndPoint());
            _thread = new Thread(Run) { IsBackground = true, Name = "stream" };
        }

        /// <summary>Bytes that have arrived: here, or of those sent as far as they were acknowledged.</summary>
        public long Delivered => _fromServer ? Volatile.Read(ref _count) : (long)_socket.GetTcpInfo().BytesAcknowledged;

        public void Start() => _thread.Start();

        public void Stop()
        {
            Volatile.Write(ref _stop, true);
            if (_fromServer)
            {
                _socket.Send([BulkServing.Measure]);
            }
        }

        public void Join()
        {
            _thread.Join();
            _socket.Dispose();
            if (_failure is not null)
            {
                throw new BenchException($"A stream failed after {_count} bytes: {_failure.Message}", _failure);
            }
        }

        private void Run()
        {
            try
            {
                _socket.Send([_order]);
                if (_fromServer)
                {
                    Receive();
                }
                else
                {
                    Send();
                }
            }
#pragma warning disable CA1031 // Told by Join.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _failure = failure;
            }
        }

        private void Send()
        {
            while (!Volatile.Read(ref _stop))
            {
                LoadSocket.SendAll(_socket, Content.At(_count).Span);
                Volatile.Write(ref _count, _count + Content.BlockLength);
            }

            _socket.Shutdown(SocketShutdown.Send);
            byte[] total = new byte[sizeof(long)];
            LoadSocket.ReceiveAll(_socket, total);
            Compare(BinaryPrimitives.ReadInt64BigEndian(total), _count);
        }

        // The stream's last eight bytes say how many went before: they are kept back from the check until something follows them.
        private void Receive()
        {
            byte[] sink = new byte[sizeof(long) + Content.BlockLength];
            int kept = 0;
            while (_socket.Receive(sink, kept, Content.BlockLength, SocketFlags.None) is > 0 and int count)
            {
                int have = kept + count;
                kept = Math.Min(have, sizeof(long));
                ReadOnlySpan<byte> payload = sink.AsSpan(0, have - kept);
                if (_check)
                {
                    Content.Check(_count, payload);
                }

                Volatile.Write(ref _count, _count + payload.Length);
                sink.AsSpan(payload.Length, kept).CopyTo(sink);
            }

            if (kept < sizeof(long))
            {
                throw new BenchException("The server ended the stream early.");
            }

            Compare(_count, BinaryPrimitives.ReadInt64BigEndian(sink));
        }

        private static void Compare(long received, long sent)
        {
            if (received != sent)
            {
                throw new BenchException($"{sent} bytes were sent and {received} received.");
            }
        }
    }
}
