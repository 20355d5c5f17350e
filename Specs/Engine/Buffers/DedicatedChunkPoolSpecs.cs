using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

public class DedicatedChunkPoolSpecs
{
    private readonly ManagedChunkPool _host = new(chunkSize: 64, limit: 640);

    // Fails when its chunks are rented from the host's pool only when they are needed.
    [Fact]
    public void What_is_set_aside_is_there_when_the_rest_is_used_up()
    {
        using var dedicated = new DedicatedChunkPool(_host, 100);
        Assert.Equal((128L, 128L, 0L), (dedicated.Limit, _host.RentedBytes, dedicated.RentedBytes));
        while (_host.TryRent(out _))
        {
        }

        Chunk first = dedicated.Rent();
        Chunk second = dedicated.Rent();
        Assert.False(dedicated.TryRent(out _));
        dedicated.Return(first);
        dedicated.Return(second);
        Assert.Equal((0L, 640L), (dedicated.RentedBytes, _host.RentedBytes));
    }

    // Fails when nothing bounds it but the host's pool: neither a limit of its own nor a TryCreate that ends with what was set aside.
    [Fact]
    public void It_takes_no_more_than_was_set_aside()
    {
        using var dedicated = new DedicatedChunkPool(_host, 128);
        dedicated.Rent();
        dedicated.Rent();
        Assert.False(dedicated.TryRent(out _));
        Assert.Equal(128, _host.RentedBytes);
    }

    [Fact]
    public void More_than_there_is_cannot_be_set_aside_and_nothing_is_lost()
    {
        Assert.Throws<OutOfBufferMemoryException>(() => new DedicatedChunkPool(_host, 641));
        Assert.Equal(0, _host.RentedBytes);
    }

    // Fails when Retire keeps what comes back after the end.
    [Fact]
    public void Chunks_that_are_lent_at_its_end_go_back_when_they_are_returned()
    {
        var dedicated = new DedicatedChunkPool(_host, 192);
        Chunk lent = dedicated.Rent();
        dedicated.Dispose();
        dedicated.Dispose();
        Assert.Equal(64, _host.RentedBytes);
        dedicated.Return(lent);
        Assert.Equal(0, _host.RentedBytes);
    }

    [Fact]
    public void Who_goes_on_with_it_after_its_end_has_the_hosts_memory()
    {
        var dedicated = new DedicatedChunkPool(_host, 64);
        dedicated.Dispose();
        Chunk chunk = dedicated.Rent();
        Assert.Equal(64, _host.RentedBytes);
        dedicated.Return(chunk);
        Assert.Equal(0, _host.RentedBytes);
    }

    // Fails when a ring returns chunks to the pool that it rents from at the moment.
    [Fact]
    public void A_live_buffer_changes_pools_and_each_chunk_goes_back_where_it_came_from()
    {
        using var dedicated = new DedicatedChunkPool(_host, 192);
        using var buffer = new ReceiveBuffer(_host, limit: 500);
        SeqNum next = buffer.Committed;
        Assert.True(buffer.TryWrite(next, new byte[100]));
        buffer.UsePool(dedicated);
        Assert.True(buffer.TryWrite(next + 100, new byte[100]));
        buffer.Commit(next + 200);
        Assert.Equal((192L + 128L, 128L), (_host.RentedBytes, dedicated.RentedBytes));
        Assert.Equal(200, buffer.GetReadable().Length);
        buffer.Consume(200);
        Assert.Equal((192L, 0L), (_host.RentedBytes, dedicated.RentedBytes));
    }

    [Fact]
    public void Chunks_of_another_size_are_refused()
    {
        using var buffer = new SendBuffer(_host, limit: 500);
        Assert.Throws<ArgumentException>(() => buffer.UsePool(new ManagedChunkPool(chunkSize: 128)));
    }
}
