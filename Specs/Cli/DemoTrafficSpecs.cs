using System.IO.Pipelines;
using System.Security.Cryptography;
using TcpActors.Cli.Demo;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class DemoTrafficSpecs
{
    private const int Total = 1 << 20;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Neither_stream_runs_past_the_limit_and_both_are_digested_as_they_are()
    {
        var outgoing = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var incoming = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var stream = new byte[Total];
        new RandomBytes(2).Fill(stream);
        await incoming.Writer.WriteAsync(stream);
        await incoming.Writer.CompleteAsync();
        using var traffic = new DemoTraffic(new End(incoming.Reader, outgoing.Writer), Total, seed: 1);

        Task<StreamDigest> sent = traffic.SendAsync(CancellationToken.None);
        Task<StreamDigest> received = traffic.ReceiveAsync(CancellationToken.None);
        traffic.Limit.MoveTo(100_000);
        await traffic.BothReachAsync(100_000, CancellationToken.None).WaitAsync(Deadline);

        Assert.Equal((100_000, 100_000), (traffic.Sent, traffic.Received));
        Assert.False(sent.IsCompleted || received.IsCompleted);

        traffic.Limit.MoveTo(Total);
        StreamDigest sentDigest = await sent.WaitAsync(Deadline);
        await outgoing.Writer.CompleteAsync();
        Assert.Equal(new StreamDigest(Total, Sha256(stream)), await received.WaitAsync(Deadline));

        new RandomBytes(1).Fill(stream);
        using var written = new MemoryStream();
        await outgoing.Reader.CopyToAsync(written);
        Assert.Equal(stream, written.ToArray());
        Assert.Equal(new StreamDigest(Total, Sha256(stream)), sentDigest);
    }

    [Fact]
    public async Task A_stream_that_is_cut_short_is_seen_as_it_was()
    {
        var incoming = new Pipe();
        using var traffic = new DemoTraffic(new End(incoming.Reader, new Pipe().Writer), Total, seed: 1);
        traffic.Limit.MoveTo(Total);

        Task<StreamDigest> received = traffic.ReceiveAsync(CancellationToken.None);
        await incoming.Writer.WriteAsync("short"u8.ToArray());
        await incoming.Writer.CompleteAsync();

        Assert.Equal(new StreamDigest(5, Sha256("short"u8)), await received.WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_milepost_wakes_those_whose_place_is_reached_and_no_others()
    {
        var post = new Milepost();
        Task near = post.ReachesAsync(10, CancellationToken.None);
        Task far = post.ReachesAsync(11, CancellationToken.None);

        post.MoveTo(10);

        await near.WaitAsync(Deadline);
        Assert.False(far.IsCompleted);
        Assert.True(post.ReachesAsync(3, CancellationToken.None).IsCompletedSuccessfully);
    }

    private static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private sealed record End(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
