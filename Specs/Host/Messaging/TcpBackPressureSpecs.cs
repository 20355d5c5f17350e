using System.Security.Cryptography;
using Akka.Actor;
using Akka.IO;
using Akka.TestKit;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host.Messaging;

/// <summary>A connection driven by messages holds a bounded number of bytes, whoever is slow, and loses none.</summary>
public sealed class TcpBackPressureSpecs(ITestOutputHelper output) : MessagingLine(
    output, new HostOptions { SendBufferLimit = 64 << 10, ReceiveBufferLimit = 64 << 10 }, "akka.io.tcp.write-commands-queue-max-size = 262144")
{
    private const int Block = 16 << 10;

    [Fact]
    public async Task In_pull_mode_each_connection_and_each_piece_is_asked_for()
    {
        await OpenAsync(pullMode: true);
        TestProbe second = CreateTestProbe();
        Client.Tcp.Tell(new Tcp.Connect(Address), second);
        await second.ExpectMsgAsync<Tcp.Connected>(Patience);
        NearConnection.Tell(Write("one", Acked.Instance), Near);
        await Near.ExpectMsgAsync<Acked>(Patience);
        await ArrivedAsync();
        FarConnection.Tell(Tcp.ResumeReading.Instance, Far);

        Assert.Equal("one", await TextAsync(Far, 3));
        NearConnection.Tell(Write("two", Acked.Instance), Near);
        await Near.ExpectMsgAsync<Acked>(Patience);
        await ArrivedAsync();
        await AssertNextIsAnswerAsync();
        FarConnection.Tell(Tcp.ResumeReading.Instance, Far);
        Assert.Equal("two", await TextAsync(Far, 3));
        await AssertNextIsAnswerAsync();
        Listener.Tell(new Tcp.ResumeAccepting(1), Far);

        await Far.ExpectMsgAsync<Tcp.Connected>(Patience);
    }

    [Fact]
    public async Task Nothing_is_told_while_reading_is_suspended_and_everything_afterwards()
    {
        await OpenAsync();
        FarConnection.Tell(Tcp.SuspendReading.Instance, Far);
        await AssertNextIsAnswerAsync();
        NearConnection.Tell(Write("kept", Acked.Instance), Near);
        await Near.ExpectMsgAsync<Acked>(Patience);
        NearConnection.Tell(Tcp.ConfirmedClose.Instance, Near);
        await ArrivedAsync();
        await AssertNextIsAnswerAsync();

        FarConnection.Tell(Tcp.ResumeReading.Instance, Far);

        Assert.Equal("kept", await TextAsync(Far, 4));
        await Far.ExpectMsgAsync<Tcp.PeerClosed>(Patience);
    }

    [Fact]
    public async Task A_handler_that_is_stuck_stops_the_peer_and_gets_every_byte_in_the_end()
    {
        await ConnectAsync();
        var stuck = new TaskCompletionSource();
        byte[] bytes = Random(8 << 20, seed: 3);
        IActorRef handler = Sys.ActorOf(Props.Create(() => new Hashing(bytes.Length, Far.Ref, stuck.Task)));
        FarConnection.Tell(new Tcp.Register(handler), Far);
        NearConnection.Tell(new Tcp.Register(Near), Near);
        Task<int> acked = SendAsync(bytes, out Func<int> sent);

        await UntilAsync(async () => sent() > 1 << 20 && (await ReportAsync(FarConnection)).Variants.RcvWnd == 0).WaitAsync(Patience);
        int whileStuck = sent();
        stuck.SetResult();

        Assert.InRange(whileStuck, 1 << 20, 2 << 20);
        Assert.Equal(SHA256.HashData(bytes), await Far.ExpectMsgAsync<byte[]>(Patience));
        Assert.Equal(bytes.Length, await acked.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_write_beyond_the_limit_fails_and_so_do_those_after_it_until_writing_is_resumed()
    {
        await OpenAsync(pullMode: true);
        int taken = 0;
        while (await TryWriteAsync())
        {
            taken++;
        }

        Assert.InRange(taken * Block, 256 << 10, 512 << 10);
        Assert.False(await TryWriteAsync("suspended"));
        NearConnection.Tell(Tcp.ResumeWriting.Instance, Near);
        Assert.Equal(taken * Block, await PullAsync(taken * Block));

        await Near.ExpectMsgAsync<Tcp.WritingResumed>(Patience);
        Assert.True(await TryWriteAsync());
        Assert.Equal(Block, await PullAsync(Block));
    }

    [Fact]
    public async Task Who_answers_without_looking_at_acknowledgements_is_slowed_down_and_not_refused()
    {
        await ConnectAsync(pullMode: false);
        IActorRef echo = Sys.ActorOf(Props.Create(() => new Echo(FarConnection, Far.Ref)));
        FarConnection.Tell(new Tcp.Register(echo), Far);
        byte[] bytes = Random(4 << 20, seed: 4);
        IActorRef hashing = Sys.ActorOf(Props.Create(() => new Hashing(bytes.Length, Near.Ref, Task.CompletedTask)));
        NearConnection.Tell(Tcp.SuspendReading.Instance, Near);
        NearConnection.Tell(new Tcp.Register(hashing), Near);
        Task<int> acked = SendAsync(bytes, out Func<int> sent);

        // Nobody reads the answers: all that is between the two ends has filled up.
        await UntilAsync(async () => sent() > 256 << 10
            && (await ReportAsync(FarConnection)).Variants.RcvWnd == 0 && (await ReportAsync(NearConnection)).Variants.RcvWnd == 0).WaitAsync(Patience);
        Assert.InRange(sent(), 256 << 10, 3 << 20);
        NearConnection.Tell(Tcp.ResumeReading.Instance, Near);

        await acked.WaitAsync(Patience);
        Assert.Equal(SHA256.HashData(bytes), await Near.FishForMessageAsync<byte[]>(static _ => true, Patience));
    }

    /// <returns>Bytes received: so many, or more.</returns>
    private async Task<int> PullAsync(int bytes)
    {
        int received = 0;
        while (received < bytes)
        {
            FarConnection.Tell(Tcp.ResumeReading.Instance, Far);
            received += (await Far.ExpectMsgAsync<Tcp.Received>(Patience)).Data.Count;
        }

        return received;
    }

    private async Task<bool> TryWriteAsync(string? because = null)
    {
        NearConnection.Tell(Tcp.Write.Create(ByteString.FromBytes(new byte[Block]), new Tcp.NoAck("block")), Near);

        // An answer to something else, or the failure before it.
        NearConnection.Tell(new Tcp.ResumeAccepting(1), Near);
        Tcp.CommandFailed failed = await Near.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        if (failed.Cmd is Tcp.ResumeAccepting)
        {
            return true;
        }

        Assert.Contains(because ?? "full", failed.Cause.Value.Message, StringComparison.Ordinal);
        Assert.IsType<Tcp.ResumeAccepting>((await Near.ExpectMsgAsync<Tcp.CommandFailed>(Patience)).Cmd);
        return false;
    }

    /// <summary>One block after another, each when the one before it is acknowledged.</summary>
    private Task<int> SendAsync(byte[] bytes, out Func<int> sent)
    {
        int acked = 0;
        sent = () => Volatile.Read(ref acked);
        TestProbe writer = CreateTestProbe();
        return Task.Run(async () =>
        {
            while (acked < bytes.Length)
            {
                NearConnection.Tell(Tcp.Write.Create(ByteString.FromBytes(bytes, acked, Block), Acked.Instance), writer);
                await writer.ExpectMsgAsync<Acked>(Patience);
                Volatile.Write(ref acked, acked + Block);
            }

            return acked;
        });
    }

    /// <summary>The peer has acknowledged everything.</summary>
    private async Task ArrivedAsync() => await UntilAsync(
        async () => (await ReportAsync(NearConnection)).Variants is var v && v.SndUna == v.SndMax).WaitAsync(Patience);

    /// <summary>Nothing was told to the far handler before its connection answers this.</summary>
    private async Task AssertNextIsAnswerAsync()
    {
        FarConnection.Tell(new Tcp.ResumeAccepting(1), Far);
        await Far.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
    }

    private sealed class Acked : Tcp.Event
    {
        public static Acked Instance { get; } = new();
    }

    private sealed class Echo(IActorRef connection, IActorRef listener) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is Tcp.Received received)
            {
                connection.Tell(Tcp.Write.Create(received.Data));
            }
            else
            {
                listener.Forward(message);
            }
        }
    }
}
