using System.Buffers;
using TcpActors.Bench;
using TcpActors.Bench.Serving;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>What makes the bench notice wrong bytes.</summary>
public sealed class ContentSpecs
{
    [Fact]
    public void What_was_sent_passes_in_pieces_of_any_size()
    {
        byte[] stream = [.. Content.At(0).Span, .. Content.At(Content.BlockLength).Span, .. Content.At(2 * Content.BlockLength).Span];

        Content.Check(0, stream);
        for (int at = 0; at < stream.Length; at += 33_333)
        {
            Content.Check(at, new ReadOnlySequence<byte>(stream, at, Math.Min(33_333, stream.Length - at)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1448)]
    [InlineData(4096)]
    [InlineData(65_536)]
    [InlineData(Content.BlockLength)]
    public void Bytes_that_were_left_out_are_noticed(int missing)
    {
        Assert.Throws<BenchException>(() => Content.Check(0, Content.At(missing).Span));
    }

    [Fact]
    public void One_wrong_byte_is_noticed_where_it_is()
    {
        byte[] block = Content.At(777).ToArray();
        block[^1] ^= 1;

        var wrong = Assert.Throws<BenchException>(() => Content.Check(777, block));

        Assert.Contains($"{777 + Content.BlockLength - 1} ", wrong.Message, StringComparison.Ordinal);
    }
}
