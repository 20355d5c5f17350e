using System.IO.Pipelines;
using TcpActors.Cli.Serving;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class ApplicationSpecs
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Echo_sends_everything_back_before_its_FIN()
    {
        var wire = new Wire();
        Task running = new EchoApplication().RunAsync(wire, CancellationToken.None);

        await wire.Peer.Output.WriteAsync("one "u8.ToArray());
        await wire.Peer.Output.WriteAsync("two"u8.ToArray());
        await wire.Peer.Output.CompleteAsync();

        Assert.Equal("one two"u8.ToArray(), await wire.ReadToEndAsync());
        await running.WaitAsync(Deadline);
    }

    [Fact]
    public async Task Discard_answers_a_FIN_with_a_FIN()
    {
        var wire = new Wire();
        Task running = new DiscardApplication().RunAsync(wire, CancellationToken.None);

        await wire.Peer.Output.WriteAsync(new byte[1000]);
        await wire.Peer.Output.CompleteAsync();

        Assert.Empty(await wire.ReadToEndAsync());
        await running.WaitAsync(Deadline);
    }

    [Fact]
    public async Task Chargen_sends_so_many_bytes_of_the_pattern_and_goes_on_reading_until_the_peers_FIN()
    {
        var wire = new Wire();
        Task running = new ChargenApplication(100_000).RunAsync(wire, CancellationToken.None);

        var stream = await wire.ReadToEndAsync();

        // RFC 864: 72 characters and CR LF a line, each line begins with the next of 95 printable characters.
        Assert.Equal(100_000, stream.Length);
        Assert.All(Enumerable.Range(0, stream.Length), i => Assert.Equal(Pattern(i), stream[i]));
        Assert.False(running.IsCompleted);
        await wire.Peer.Output.CompleteAsync();
        await running.WaitAsync(Deadline);
    }

    [Fact]
    public async Task Endless_chargen_ends_when_nobody_reads_any_more()
    {
        var wire = new Wire();
        Task running = new ChargenApplication(null).RunAsync(wire, CancellationToken.None);

        ReadResult first = await wire.Peer.Input.ReadAsync();
        wire.Peer.Input.AdvanceTo(first.Buffer.End);
        await wire.Peer.Input.CompleteAsync();

        await running.WaitAsync(Deadline);
    }

    private static byte Pattern(int position)
    {
        (var line, var column) = Math.DivRem(position, 74);
        return column switch
        {
            72 => (byte)'\r',
            73 => (byte)'\n',
            _ => (byte)(' ' + ((line + column) % 95)),
        };
    }

    /// <summary>A connection without a network: what one end writes the other reads.</summary>
    private sealed class Wire : IDuplexPipe
    {
        private readonly Pipe _here = new();
        private readonly Pipe _there = new();

        public Wire() => Peer = new End(_there.Reader, _here.Writer);

        public IDuplexPipe Peer { get; }

        public PipeReader Input => _here.Reader;

        public PipeWriter Output => _there.Writer;

        public async Task<byte[]> ReadToEndAsync()
        {
            using var bytes = new MemoryStream();
            await Peer.Input.CopyToAsync(bytes).WaitAsync(Deadline);
            return bytes.ToArray();
        }

        private sealed record End(PipeReader Input, PipeWriter Output) : IDuplexPipe;
    }
}
