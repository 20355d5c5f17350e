using Akka.Actor;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>
/// A call that comes in the middle of a move has a defined answer: it waits for the end of the move and is carried out then, in the order of the calls; a question is
/// answered at once. What the TOE says is held back here, so that each move stays in its middle as long as the spec likes.
/// </summary>
public sealed class MidMoveSpecs : TestKit
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly ScriptedHost _host;

    public MidMoveSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "mid-move", output) =>
        _host = new ScriptedHost(Sys, TestActor, new SpecLog(output).CreateLogger("host"));

    [Fact]
    public async Task An_upload_in_the_middle_of_an_offload_follows_it()
    {
        (Connection connection, Task<MoveResult> offload, Toe.Event.Offloaded held) = Leaving();
        Task<MoveResult> upload = connection.UploadAsync();
        await IsMovingAsync(connection, offload, upload);

        Pass(held);
        Pass(await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));

        Assert.Equal((1, 1), (await MovedAsync(offload), await MovedAsync(upload)));
        Assert.Equal("script", (await _host.ReportAsync(connection)).Owner);
    }

    [Fact]
    public async Task An_offload_in_the_middle_of_an_upload_follows_it()
    {
        (Connection connection, Task<MoveResult> upload, Toe.Event.Uploaded held) = await ReturningAsync();
        Task<MoveResult> offload = connection.OffloadAsync();
        await IsMovingAsync(connection, upload, offload);

        Pass(held);
        Pass(await ExpectMsgAsync<Toe.Event.Offloaded>(s_patience));

        Assert.Equal((1, 1), (await MovedAsync(upload), await MovedAsync(offload)));
        Assert.Equal("toe", (await _host.ReportAsync(connection)).Owner);
    }

    [Fact]
    public async Task The_same_move_once_more_is_the_same_move()
    {
        (Connection connection, Task<MoveResult> offload, Toe.Event.Offloaded there) = Leaving();
        Task<MoveResult> again = connection.OffloadAsync();
        Pass(there);
        Assert.Equal((1, 1), (await MovedAsync(offload), await MovedAsync(again)));

        Task<MoveResult> upload = connection.UploadAsync();
        Toe.Event.Uploaded back = await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience);
        again = connection.UploadAsync();
        Pass(back);
        Assert.Equal((1, 1), (await MovedAsync(upload), await MovedAsync(again)));

        Assert.Equal(new TcpActors.Engine.State.Epoch(2), connection.Epoch);
        ExpectNoMsg(TimeSpan.Zero);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Settings_wait_for_the_end_of_the_move(bool toToe)
    {
        (Connection connection, Task<MoveResult> moving, object held) = await MiddleOfAsync(toToe);
        Task updating = connection.UpdateAsync(new ConnectionSettings { Ttl = 9 });
        await IsMovingAsync(connection, moving, updating);

        Pass(held);
        Assert.Equal(1, await MovedAsync(moving));
        if (toToe)
        {
            Pass(await ExpectMsgAsync<Toe.Event.Updated>(s_patience));
        }

        await updating.WaitAsync(s_patience);
        Assert.Equal(9, (await _host.ReportAsync(connection)).Segment!.Ttl);
    }

    /// <summary>A doorbell of another connection may have pulled its variables before the word that it works with the settings.</summary>
    [Fact]
    public async Task Settings_that_the_TOE_has_not_confirmed_when_it_gives_the_connection_back_hold_in_the_stack()
    {
        (Connection connection, Task<MoveResult> offload, Toe.Event.Offloaded there) = Leaving();
        Pass(there);
        await MovedAsync(offload);
        Task updating = connection.UpdateAsync(new ConnectionSettings { Ttl = 9 });
        await ExpectMsgAsync<Toe.Event.Updated>(s_patience);
        Assert.False(updating.IsCompleted);

        Task<MoveResult> upload = connection.UploadAsync();
        Pass(await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));

        Assert.Equal(1, await MovedAsync(upload));
        await updating.WaitAsync(s_patience);
        Assert.Equal(9, (await _host.ReportAsync(connection)).Segment!.Ttl);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task An_end_waits_for_the_end_of_the_move_and_brings_the_connection_back_for_it(bool toToe, bool isAbort)
    {
        (Connection connection, Task<MoveResult> moving, object held) = await MiddleOfAsync(toToe);
        if (isAbort)
        {
            connection.Abort();
        }
        else
        {
            await connection.DisposeAsync();
        }

        await IsMovingAsync(connection, moving, connection.Closed);

        Pass(held);
        if (toToe)
        {
            Pass(await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));
        }

        Assert.Equal(1, await MovedAsync(moving));
        await connection.Closed.WaitAsync(s_patience);
        Assert.Empty((await _host.ReportAsync()).Connections);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_TOE_asks_for_in_the_middle_of_a_move_is_met_by_it_or_after_it(bool toToe)
    {
        (Connection connection, Task<MoveResult> moving, object held) = await MiddleOfAsync(toToe);
        Pass(new Toe.Event.UploadRequested(connection.Id, TcpActors.Engine.State.UploadReason.LinkFailure));
        Pass(held);
        if (toToe)
        {
            Pass(await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));
        }

        Assert.Equal(1, await MovedAsync(moving));
        await AwaitConditionAsync(async () => (await _host.ReportAsync(connection)).Owner is "script", s_patience);
        ExpectNoMsg(TimeSpan.Zero);
    }

    /// <summary>How it gets on is told in any order with where it is.</summary>
    [Fact]
    public async Task How_a_connection_gets_on_is_known_as_long_as_a_TOE_has_it()
    {
        (Connection connection, Task<MoveResult> offload, Toe.Event.Offloaded there) = Leaving();
        Assert.Null(await PhaseAsync(connection));
        Pass(there);
        await MovedAsync(offload);
        Assert.Equal(ConnectionPhase.Running, await PhaseAsync(connection));
        Pass(new Toe.Event.StateChanged(connection.Id, ConnectionPhase.WindowClosed));
        Assert.Equal(ConnectionPhase.WindowClosed, await PhaseAsync(connection));

        Task<MoveResult> upload = connection.UploadAsync();
        Pass(await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));
        await MovedAsync(upload);
        Pass(new Toe.Event.StateChanged(connection.Id, ConnectionPhase.Running));
        Assert.Null(await PhaseAsync(connection));

        offload = connection.OffloadAsync();
        there = await ExpectMsgAsync<Toe.Event.Offloaded>(s_patience);
        Pass(new Toe.Event.StateChanged(connection.Id, ConnectionPhase.Unanswered));
        Pass(there);
        await MovedAsync(offload);
        Assert.Equal(ConnectionPhase.Unanswered, await PhaseAsync(connection));
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _host.Dispose();
    }

    /// <summary>A connection that the TOE has and the host does not know it.</summary>
    private (Connection Connection, Task<MoveResult> Moving, Toe.Event.Offloaded Held) Leaving()
    {
        Connection connection = _host.Add();
        Task<MoveResult> moving = connection.OffloadAsync();
        return (connection, moving, ExpectMsg<Toe.Event.Offloaded>(s_patience));
    }

    /// <summary>A connection that the TOE has given back and the host does not know it.</summary>
    private async Task<(Connection Connection, Task<MoveResult> Moving, Toe.Event.Uploaded Held)> ReturningAsync()
    {
        (Connection connection, Task<MoveResult> offload, Toe.Event.Offloaded held) = Leaving();
        Pass(held);
        await MovedAsync(offload);
        Task<MoveResult> moving = connection.UploadAsync();
        return (connection, moving, await ExpectMsgAsync<Toe.Event.Uploaded>(s_patience));
    }

    /// <summary>A question is answered at once, and neither the move nor the call is over.</summary>
    private async Task IsMovingAsync(Connection connection, params Task[] calls)
    {
        Assert.Equal("moving", (await _host.ReportAsync(connection).WaitAsync(s_patience)).Owner);
        Assert.DoesNotContain(calls, call => call.IsCompleted);
    }

    private async Task<ConnectionPhase?> PhaseAsync(Connection connection) => (await _host.ReportAsync(connection)).Statistics.State.Phase;

    private async Task<(Connection Connection, Task<MoveResult> Moving, object Held)> MiddleOfAsync(bool toToe) =>
        toToe ? Leaving() : await ReturningAsync();

    /// <summary>The host hears what the TOE has said.</summary>
    private void Pass(object said) => _host.Supervisor.Tell(said, ActorRefs.NoSender);

    private static async Task<int> MovedAsync(Task<MoveResult> move) => (await move.WaitAsync(s_patience)).Moved;
}
