using System.Buffers.Binary;
using System.Diagnostics;
using TcpActors.Bench.Lab;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;

namespace TcpActors.Bench.Moves;

/// <summary>What became of a next hop's new MAC address.</summary>
/// <param name="Connections">How many share the next hop, and have sent to its new address in the end.</param>
/// <param name="LastOld">From the change in the kernel's neighbour table to the last frame for the old address, as the peer's end of the cable saw it; ms.</param>
/// <param name="FirstNew">To the first frame for the new one; ms.</param>
/// <param name="Updates">Messages that the TOE has confirmed of it, for each connection.</param>
internal sealed record NextHopChange(int Connections, double LastOld, double FirstNew, int Updates);

/// <summary>Many connections that all send share one next hop, whose MAC address changes.</summary>
internal static class NextHopBench
{
    private const int Rounds = 30;
    private const int MessageLength = 64;
    private const int FrameHeader = 16;
    private const int FileHeader = 24;
    private const int SourcePortAt = 34;

    /// <param name="count">Connections.</param>
    /// <param name="offloads">Whether a TOE has them; otherwise the kernel does.</param>
    /// <exception cref="BenchException">Some were refused, or there is no tcpdump.</exception>
    public static async Task<NextHopChange> RunAsync(int count, bool offloads)
    {
        var mac = new MacAddress([2, 0, 0, 0, 9, 9]);
        await using var lab = new MoveLab();
        (Process peer, Connection[] connections) = await lab.ConnectAsync(MoveTraffic.Idle, count);
        using Process _ = peer;
        if (offloads && await lab.Host.OffloadAsync() is { Refused.Count: > 0 } result)
        {
            throw new BenchException(result.ToString());
        }

        string file = Path.GetTempFileName();
        try
        {
            long changed;
            await using (CableCapture capture = await CableCapture.StartAsync(lab.Cable.Load, Cable.LoadInterface, file, bytes: 64))
            {
                var isUnderWay = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Task writing = Task.Run(() => WriteAsync(connections, isUnderWay));
                await isUnderWay.Task;
                changed = lab.Cable.ChangeLoadMac(mac);
                await writing;
                await capture.StopAsync();
            }

            return Read(await File.ReadAllBytesAsync(file), changed, mac) with
            {
                Updates = connections.Max(each => each.InvariantUpdates),
            };
        }
        finally
        {
            File.Delete(file);
            peer.StandardInput.Close();
            await peer.WaitForExitAsync();
            Array.ForEach(connections, each => each.Abort());
        }
    }

    /// <summary>Each connection in turn, so often; the change comes in between.</summary>
    private static async Task WriteAsync(Connection[] connections, TaskCompletionSource isUnderWay)
    {
        byte[] message = new byte[MessageLength];
        for (int round = 0; round < Rounds; round++)
        {
            if (round == Rounds / 3)
            {
                isUnderWay.SetResult();
            }

            foreach (Connection connection in connections)
            {
                await connection.Output.WriteAsync(message);
            }
        }
    }

    private static NextHopChange Read(ReadOnlySpan<byte> capture, long changed, MacAddress mac)
    {
        Span<byte> wanted = stackalloc byte[6];
        mac.CopyTo(wanted);
        var ports = new HashSet<ushort>();
        long lastOld = changed;
        long firstNew = long.MaxValue;
        for (capture = capture[FileHeader..]; capture.Length > FrameHeader;)
        {
            long at = (BinaryPrimitives.ReadUInt32LittleEndian(capture) * 1_000_000_000L) + BinaryPrimitives.ReadUInt32LittleEndian(capture[4..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(capture[8..]);
            ReadOnlySpan<byte> frame = capture.Slice(FrameHeader, length);
            capture = capture[(FrameHeader + length)..];
            if (frame[..6].SequenceEqual(wanted))
            {
                firstNew = Math.Min(firstNew, at);
                ports.Add(BinaryPrimitives.ReadUInt16BigEndian(frame[(SourcePortAt + 2)..]));
            }
            else if (!frame.Slice(6, 6).SequenceEqual(wanted) && at > changed)
            {
                lastOld = at;
            }
        }

        return new NextHopChange(ports.Count, (lastOld - changed) / 1e6, (firstNew - changed) / 1e6, 0);
    }
}
