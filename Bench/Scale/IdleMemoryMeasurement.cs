using System.IO.Pipelines;
using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench.Scale;

/// <summary>
/// What memory a connection takes that came from the kernel, was offloaded, has moved 1 MiB each way and is idle, while its application awaits
/// a read. Each figure is the difference that the second group of connections makes, so what a process takes once is not in it.
/// </summary>
/// <param name="Managed">Bytes of the managed heap, the application's own waiting (152 of them) included.</param>
/// <param name="Native">Bytes of the memory shared with other processes: the commit slot, and buffers, of which an idle connection has none.</param>
/// <param name="Kernel">
/// Bytes of the kernel's slabs for the socket that stands by for the way back; null where the kernel does not show them.
/// </param>
internal sealed record IdleMemoryMeasurement(double Managed, double Native, double? Kernel)
{
    private const int Bytes = 1 << 20;

    // An idle connection gives up what it can after two seconds.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    /// <param name="connections">In the second group; the first has a quarter of that. Each takes two descriptors.</param>
    public static async Task<IdleMemoryMeasurement> RunAsync(int connections = 4000)
    {
        using var cable = new Cable(linkOffloads: true);
        await using OffloadHost host = cable.Server.Run(
            () => OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never, ToeCapacity = 2 * connections }));
        await using ConnectionListener listener = host.Listen(new System.Net.IPEndPoint(Cable.ServerAddress, 0));
        var crowd = new Crowd(cable, listener, connections + (connections / 4));
        await crowd.GrowAsync(connections / 4);
        (long managed, long? kernel) = await RestAsync();
        await crowd.GrowAsync(connections);
        (long managedThen, long? kernelThen) = await RestAsync();
        crowd.Close();

        // Half of the kernel's is the peers'.
        return new IdleMemoryMeasurement(
            (managedThen - managed) / (double)connections, CommitSlot.Size, (kernelThen - kernel) / 2.0 / connections);
    }

    private static async Task<(long Managed, long? Kernel)> RestAsync()
    {
        using var pause = new PeriodicTimer(s_rest);
        await pause.WaitForNextTickAsync();
        for (int i = 0; i < 3; i++)
        {
            GC.Collect(generation: 2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return (GC.GetTotalMemory(forceFullCollection: true), KernelMemory());
    }

    /// <summary>What sockets take of the kernel's memory beside their buffers: /proc/slabinfo, objects and their sizes.</summary>
    private static long? KernelMemory()
    {
        try
        {
            return File.ReadLines("/proc/slabinfo")
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(words => words[0] is "TCP" or "sock_inode_cache" or "filp" or "dentry")
                .Sum(words => long.Parse(words[1]) * long.Parse(words[3]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The connections and their peers, which are descriptors and nothing else: a socket's object would count.</summary>
    private sealed class Crowd(Cable cable, ConnectionListener listener, int most)
    {
        private readonly Connection[] _connections = new Connection[most];
        private readonly nint[] _peers = new nint[most];
        private readonly byte[] _data = new byte[Bytes];
        private readonly byte[] _sink = new byte[64 << 10];
        private int _count;
        private long _read;

        public async Task GrowAsync(int count)
        {
            for (int end = _count + count; _count < end; _count++)
            {
                (_peers[_count], _connections[_count]) = (Connect(), (await listener.AcceptAsync())!);
                if (await _connections[_count].OffloadAsync() is { Moved: 0 } result)
                {
                    throw new BenchException($"A connection was not offloaded: {result.Refused[0].Reason}.");
                }

                _ = ReadAsync(_connections[_count].Input);
                await ExchangeAsync(_peers[_count], _connections[_count]);
            }
        }

        public void Close()
        {
            foreach (nint peer in _peers)
            {
                new SafeSocketHandle(peer, ownsHandle: true).Dispose();
            }
        }

        private nint Connect()
        {
            using Socket socket = cable.Load.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            socket.Connect(listener.EndPoint);
            nint descriptor = socket.SafeHandle.DangerousGetHandle();
            socket.SafeHandle.SetHandleAsInvalid();
            return descriptor;
        }

        private async Task ExchangeAsync(nint peer, Connection connection)
        {
            long read = Interlocked.Read(ref _read) + Bytes;
            using var socket = new Socket(new SafeSocketHandle(peer, ownsHandle: false));
            Task sending = Task.Run(() => socket.Send(_data));
            ValueTask<FlushResult> writing = connection.Output.WriteAsync(_data);
            for (int left = Bytes; left > 0;)
            {
                int got = socket.Receive(_sink);
                left -= got > 0 ? got : throw new BenchException("The stream ended early.");
            }

            await sending;
            await writing;
            while (Interlocked.Read(ref _read) < read)
            {
                await Task.Yield();
            }
        }

        private async Task ReadAsync(PipeReader input)
        {
            ReadResult result;
            do
            {
                result = await input.ReadAsync();
                long length = result.Buffer.Length;
                input.AdvanceTo(result.Buffer.End);
                Interlocked.Add(ref _read, length);
            }
            while (!result.IsCompleted);
        }
    }
}
