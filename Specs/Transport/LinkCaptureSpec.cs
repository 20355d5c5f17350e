using System.Diagnostics;
using Microsoft.Extensions.Logging;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Transport;

public sealed unsafe class LinkCaptureSpec : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"tcpactors-capture-{Guid.NewGuid():N}.pcapng");
    private readonly RxFrame[] _frames = new RxFrame[16];
    private readonly StoppedClock _clock = new();
    private readonly ListLogger _log = new();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Frames_of_both_directions_are_kept_whole_with_time_and_direction()
    {
        using (var pair = new InMemoryLinkPair())
        {
            using CapturingLink a = Capture(pair.A);
            Send(a, [1, 2, 3], [4, 5], [6]);
            _clock.Now += TimeSpan.FromMicroseconds(1.5);
            Send(pair.B, new byte[54], new byte[60_001], [], segmentSize: 1400);
            Assert.Equal(1, a.Receive(_frames, Microseconds.Zero));
        }

        CaptureFile file = CaptureFile.Read(_path);
        Assert.Equal(2, file.Frames.Count);
        Assert.Equal("memory-a", file.InterfaceName);
        Assert.Equal([1, 2, 3, 4, 5, 6], file.Frames[0].Bytes);
        Assert.False(file.Frames[0].IsInbound);
        Assert.Equal(1_700_000_000_000_000_000, file.Frames[0].Nanoseconds);
        Assert.Equal(54 + 60_001, file.Frames[1].Bytes.Length);
        Assert.True(file.Frames[1].IsInbound);
        Assert.Equal(1_700_000_000_000_001_500, file.Frames[1].Nanoseconds);
    }

    [Fact]
    public void A_tag_that_the_link_holds_beside_the_frame_is_put_back()
    {
        using (var pair = new InMemoryLinkPair())
        {
            using CapturingLink a = Capture(new TaggingLink(pair.A, tci: 0x6005));
            Send(pair.B, [.. Enumerable.Range(0, 20).Select(i => (byte)i)], [], []);
            Assert.Equal(1, a.Receive(_frames, Microseconds.Zero));
        }

        byte[] bytes = CaptureFile.Read(_path).Frames.Single().Bytes;
        Assert.Equal([10, 11, 0x81, 0x00, 0x60, 0x05, 12, 13], bytes[10..18]);
        Assert.Equal(24, bytes.Length);
    }

    [Fact]
    public void A_snap_length_cuts_what_is_kept_and_tells_the_whole_length()
    {
        using (var pair = new InMemoryLinkPair())
        {
            using CapturingLink a = Capture(pair.A, new CaptureOptions { SnapLength = 5 });
            Send(a, [1, 2, 3], [4], [5, 6, 7]);
        }

        CapturedFrame frame = CaptureFile.Read(_path).Frames.Single();
        Assert.Equal([1, 2, 3, 4, 5], frame.Bytes);
        Assert.Equal(7, frame.OriginalLength);
    }

    [Fact]
    public void At_its_limit_the_capture_stops_and_says_so_once_and_the_link_goes_on()
    {
        using (var pair = new InMemoryLinkPair())
        {
            using CapturingLink a = Capture(pair.A, new CaptureOptions { MaxFileSize = 10_000 });
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(1, Send(a, new byte[1000], [], []));
            }
        }

        Assert.Equal(9, CaptureFile.Read(_path).Frames.Count);
        Assert.InRange(new FileInfo(_path).Length, 9000, 10_000);
        Assert.Contains("stopped at", Assert.Single(_log.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_written_ends_the_capture_and_not_the_link()
    {
        using var pair = new InMemoryLinkPair();
        using var disk = new FullDisk();
        using var a = new CapturingLink(pair.A, disk, "capture.pcapng", new CaptureOptions(), _clock, _log);
        disk.IsFull = true;
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(1, Send(a, new byte[54], new byte[60_000], [], segmentSize: 1400));
        }

        Assert.Contains("cannot be written", Assert.Single(_log.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void While_the_receiver_waits_everything_sent_is_in_the_file_at_once()
    {
        using var pair = new InMemoryLinkPair();
        using CapturingLink a = Capture(pair.A);
        Send(a, [1], [], []);
        using var received = new ManualResetEventSlim();
        var receiver = new Thread(() =>
        {
            a.Receive(_frames, Microseconds.Never);
            received.Set();
        });
        receiver.Start();
        SpinWait.SpinUntil(() => CaptureFile.Read(_path).Frames.Count == 1, TimeSpan.FromSeconds(5));
        Assert.Single(CaptureFile.Read(_path).Frames);

        Send(a, [2], [], []);
        Assert.Equal(2, CaptureFile.Read(_path).Frames.Count);
        Assert.False(received.IsSet);
        a.Wake();
        receiver.Join();
    }

    [TsharkFact]
    public void Tshark_reads_it()
    {
        using (var pair = new InMemoryLinkPair())
        {
            using CapturingLink a = Capture(pair.A);
            var flow = new FlowKey(
                InternetAddress.FromBytes([10, 0, 0, 1]), InternetAddress.FromBytes([10, 0, 0, 2]), 7000, 40000);
            byte[] frame = new FrameBuilder
            {
                SourceMac = pair.A.Address,
                DestinationMac = pair.B.Address,
                Flow = flow,
                Seq = new SeqNum(1),
                Ack = new SeqNum(2),
                Flags = TcpFlags.Ack | TcpFlags.Psh,
                Payload = "hello"u8,
            }.ToArray();
            Send(a, frame, [], []);
            Send(pair.B, frame, [], []);
            a.Receive(_frames, Microseconds.Zero);
        }

        const string Fields = "-T fields -E separator=, -e frame.time_epoch -e frame.interface_name -e frame.packet_flags_direction "
            + "-e tcp.dstport -e tcp.len -e tcp.checksum.status";
        string output = TsharkFactAttribute.Run($"-r {_path} -o tcp.check_checksum:TRUE {Fields}");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.EndsWith(",memory-a,0x00000002,40000,5,1", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(",memory-a,0x00000001,40000,5,1", lines[1], StringComparison.Ordinal);
    }

    private CapturingLink Capture(ILink link, CaptureOptions? options = null) =>
        new(link, _path, options ?? new CaptureOptions(), _clock, _log);

    private static int Send(ILink link, byte[] header, byte[] payload0, byte[] payload1, int segmentSize = 0)
    {
        fixed (byte* h = header, p0 = payload0, p1 = payload1)
        {
            return link.Send([new TxFrame
            {
                Header = h,
                HeaderLength = header.Length,
                Payload0 = p0,
                Payload0Length = payload0.Length,
                Payload1 = p1,
                Payload1Length = payload1.Length,
                SegmentSize = segmentSize,
                ChecksumPartial = segmentSize != 0,
            }]);
        }
    }

    private sealed class StoppedClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class FullDisk : MemoryStream
    {
        public bool IsFull { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsFull)
                throw new IOException("No space left on device");
            base.Write(buffer);
        }
    }

    private sealed class ListLogger : ILogger<CapturingLink>
    {
        public List<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Messages.Add(formatter(state, exception));
    }

    /// <summary>A link whose frames had a tag, as packet sockets give them.</summary>
    private sealed class TaggingLink(ILink link, ushort tci) : LinkWithin(link)
    {
        public override int Receive(Span<RxFrame> frames, Microseconds timeout)
        {
            int count = Inner.Receive(frames, timeout);
            foreach (ref RxFrame frame in frames[..count])
            {
                (frame.HasVlanTag, frame.VlanTci) = (true, tci);
            }

            return count;
        }
    }
}

/// <summary>A specification in which tshark(1) is the oracle.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TsharkFactAttribute : FactAttribute
{
    private const string Program = "/usr/bin/tshark";

    public TsharkFactAttribute() => Skip = File.Exists(Program) ? null : "needs tshark";

    internal static string Run(string arguments)
    {
        using Process tshark = Process.Start(new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        Task<string> complaint = tshark.StandardError.ReadToEndAsync();
        string output = tshark.StandardOutput.ReadToEnd();
        tshark.WaitForExit();
        return tshark.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"tshark ended with {tshark.ExitCode}: {complaint.Result}");
    }
}
