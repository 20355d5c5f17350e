using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Load;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Policies;

/// <summary>The load's half of exchanges: a blocking thread for each connection there is at a time. The server closes first, so that TIME-WAIT is its own.</summary>
internal static class ExchangeLoad
{
    /// <summary>Does all the work of a load, and returns when it is done.</summary>
    /// <exception cref="BenchException">The server did not answer as it should have.</exception>
    public static void Run(IPEndPoint server, IReadOnlyList<ConnectionKind> kinds, double units)
    {
        Caller[] callers = [.. kinds.SelectMany(kind => Enumerable.Range(0, kind.Threads).Select(_ => new Caller(server, kind, units)))];
        foreach (Caller caller in callers)
        {
            caller.Join();
        }
    }

    private sealed class Caller
    {
        private readonly IPEndPoint _server;
        private readonly ConnectionKind _kind;
        private readonly double _units;
        private readonly byte[] _request;
        private readonly byte[] _sink;
        private readonly Thread _thread;
        private Exception? _failure;

        public Caller(IPEndPoint server, ConnectionKind kind, double units)
        {
            (_server, _kind, _units) = (server, kind, units);
            _request = new byte[kind.Request];
            _sink = new byte[Math.Min(kind.Answer, Content.BlockLength)];
            _thread = new Thread(Run) { IsBackground = true, Name = "caller" };
            _thread.Start();
        }

        public void Join()
        {
            _thread.Join();
            if (_failure is not null)
            {
                throw new BenchException($"A connection failed: {_failure.Message}", _failure);
            }
        }

        private void Run()
        {
            try
            {
                for (int left = _kind.ConnectionsIn(_units); left > 0; left--)
                {
                    Converse();
                }
            }
#pragma warning disable CA1031 // Told by Join.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _failure = failure;
            }
        }

        private void Converse()
        {
            using Socket socket = LoadSocket.Connect(_server);
            for (int left = _kind.ExchangesIn(_units); left > 0; left--)
            {
                new ExchangeHeader(_kind.Request, _kind.Answer, IsLast: left == 1).Write(_request);
                LoadSocket.SendAll(socket, _request);
                for (int missing = _kind.Answer; missing > 0; missing -= _sink.Length)
                {
                    LoadSocket.ReceiveAll(socket, _sink.AsSpan(0, Math.Min(missing, _sink.Length)));
                }
            }

            if (socket.Receive(_sink) != 0)
            {
                throw new BenchException("The server said more than the answer.");
            }
        }
    }
}
