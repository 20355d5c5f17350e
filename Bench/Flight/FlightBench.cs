using System.Diagnostics;
using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Bench.Moves;
using TcpActors.Engine.State;
using TcpActors.HostSide;

namespace TcpActors.Bench.Flight;

/// <summary>What moves of one connection took, all with as much in flight.</summary>
/// <param name="Variables">Bytes of what is transferred: the variables, the snapshot beside them, and all that these refer to.</param>
/// <param name="Payload">Buffer memory, in bytes, that the TOE has and the stack had not: payload that a move carries.</param>
/// <param name="Offload">µs, from the call to its end, one for each.</param>
/// <param name="Upload">Likewise.</param>
/// <param name="OffloadAllocates">Bytes on the managed heap, of the whole process, one for each that was counted.</param>
/// <param name="UploadAllocates">Likewise.</param>
internal sealed record FlightMoves(
    long Variables, long Payload, IReadOnlyList<double> Offload, IReadOnlyList<double> Upload, IReadOnlyList<double> OffloadAllocates,
    IReadOnlyList<double> UploadAllocates);

/// <summary>Measures moves of a connection that has bytes in flight.</summary>
internal static class FlightBench
{
    /// <summary>
    /// Between two moves, µs: what one does is over before the next begins. And longer than an upload waits for acknowledgements, so that caches and threads are as
    /// cold for a move that follows one that did not wait.
    /// </summary>
    private const double Spacing = 8000;

    /// <summary>One of so many has its allocations counted, which takes time, and so is not timed.</summary>
    private const int CountedOf = 5;

    /// <summary>Bytes of the segment-variant variables alone.</summary>
    public static int VariantsSize => Unsafe.SizeOf<SegmentVariants>();

    /// <param name="start">Makes the connection.</param>
    /// <param name="flight">Bytes in flight.</param>
    /// <param name="moves">Offloads that are timed, and as many uploads.</param>
    /// <exception cref="BenchException">A move was refused, or the flight is another afterwards.</exception>
    public static async Task<FlightMoves> RunAsync(Func<int, Task<FlightLine>> start, int flight, int moves)
    {
        await using FlightLine line = await start(flight);
        Connection connection = line.Connection;
        var (offload, upload) = (new List<double>(moves), new List<double>(moves));
        var (offloadBytes, uploadBytes) = (new List<double>(), new List<double>());
        long payload = 0;
        using var pause = new Pause();
        for (int i = 0; offload.Count < moves; i++)
        {
            await Task.Run(() => pause.For(Spacing));
            if (i % CountedOf == 0)
            {
                long before = line.Pool.RentedBytes;
                offloadBytes.Add(await AllocatedAsync(connection.OffloadAsync));
                payload = Math.Max(payload, line.Pool.RentedBytes - before);
                uploadBytes.Add(await AllocatedAsync(connection.UploadAsync));
            }
            else
            {
                offload.Add(await TimedAsync(connection.OffloadAsync));
                await Task.Run(() => pause.For(Spacing));
                upload.Add(await TimedAsync(connection.UploadAsync));
            }
        }

        await FlightLine.MoveAsync(connection.OffloadAsync());
        ConnectionReport report = await line.ReportAsync();
        return report.Variants.Flight == flight
            ? new FlightMoves(ObjectSize.Of(EntryOf(report)), payload, offload, upload, offloadBytes, uploadBytes)
            : throw new BenchException($"{report.Variants.Flight} bytes are in flight after the moves, and not {flight}.");
    }

    /// <summary>
    /// How long this machine takes to copy so many bytes once, from memory to memory, in µs: the median of some times.
    /// </summary>
    public static double Copy(int bytes)
    {
        (byte[] from, byte[] to) = (new byte[bytes], new byte[bytes]);
        from.AsSpan().Fill(1);
        to.AsSpan().Fill(2);
        return Distribution.Of(Enumerable.Range(0, 21).Select(_ =>
        {
            long began = Stopwatch.GetTimestamp();
            from.CopyTo(to, 0);
            return Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        })).P50;
    }

    /// <summary>What lies on the transfer stack for this connection.</summary>
    private static TransferEntry EntryOf(ConnectionReport report) => new(
        new OwnedVariables(report.Id, report.Epoch, report.Variants), report.Connection!, report.Segment!, UploadReason.None);

    private static async Task<double> TimedAsync(Func<Task<MoveResult>> move)
    {
        long began = Stopwatch.GetTimestamp();
        await FlightLine.MoveAsync(move());
        return Stopwatch.GetElapsedTime(began).TotalMicroseconds;
    }

    private static async Task<double> AllocatedAsync(Func<Task<MoveResult>> move)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await FlightLine.MoveAsync(move());
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }
}
