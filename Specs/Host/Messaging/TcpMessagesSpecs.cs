using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.IO;
using Akka.TestKit;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host.Messaging;

/// <summary>The messages of Akka.IO's Tcp, over managed hosts: who hears what, and in which order.</summary>
public sealed class TcpMessagesSpecs(ITestOutputHelper output)
    : MessagingLine(output, settings: "akka.io.tcp.register-timeout = 2s")
{
    [Fact]
    public async Task Both_ends_are_told_of_a_connection_by_its_actor()
    {
        Server.Tcp.Tell(new Tcp.Bind(Far, Address), Binder);
        Assert.Equal(Address, (await Binder.ExpectMsgAsync<Tcp.Bound>(Patience)).LocalAddress);

        Client.Tcp.Tell(new Tcp.Connect(Address), Near);

        Tcp.Connected near = await Near.ExpectMsgAsync<Tcp.Connected>(Patience);
        Tcp.Connected far = await Far.ExpectMsgAsync<Tcp.Connected>(Patience);
        Assert.Equal(Address, near.RemoteAddress);
        Assert.Equal(near.RemoteAddress, far.LocalAddress);
        Assert.Equal(near.LocalAddress, far.RemoteAddress);
    }

    [Fact]
    public async Task Nothing_is_read_before_a_handler_is_registered_and_what_was_written_before_waits()
    {
        await ConnectAsync();
        FarConnection.Tell(Write("early", new Said("early")), Far);
        NearConnection.Tell(new Tcp.Register(Near), Near);
        NearConnection.Tell(Write("hello", new Said("hello")), Near);
        await Near.ExpectMsgAsync(new Said("hello"), Patience);
        await UntilAsync(async () => (await ReportAsync(NearConnection)).Variants is var v && v.SndUna == v.SndMax);

        // The bytes are there, and neither they nor an acknowledgement have been told of.
        FarConnection.Tell(new Tcp.ResumeAccepting(1), Far);
        await Far.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        FarConnection.Tell(new Tcp.Register(Far), Far);

        await Far.ExpectMsgAsync(new Said("early"), Patience);
        Assert.Equal("hello", await TextAsync(Far, 5));
        Assert.Equal("early", await TextAsync(Near, 5));
    }

    [Fact]
    public async Task Acknowledgements_come_in_the_order_of_the_writes_and_only_where_they_are_wanted()
    {
        await OpenAsync();
        NearConnection.Tell(Write("a", new Said("a")), Near);
        NearConnection.Tell(Tcp.Write.Create(ByteString.FromString("b"), new Tcp.NoAck("token")), Near);
        NearConnection.Tell(Tcp.Write.Create(ByteString.Empty, new Said("nothing")), Near);
        NearConnection.Tell(Tcp.WriteCommand.Create(Write("c", new Said("c")), Write("d"), Write("e", new Said("e"))), Near);
        NearConnection.Tell(Write("f", new Said("f")), Near);

        foreach (string each in new[] { "a", "nothing", "c", "e", "f" })
        {
            await Near.ExpectMsgAsync(new Said(each), Patience);
        }

        Assert.Equal("abcdef", await TextAsync(Far, 6));
    }

    [Fact]
    public async Task Close_sends_what_was_written_and_tells_both_who_closes_and_the_handler()
    {
        await OpenAsync();
        TestProbe closer = CreateTestProbe();
        byte[] bytes = Random(16 << 20, seed: 1);
        IActorRef hashing = Sys.ActorOf(Props.Create(() => new Hashing(bytes.Length, Far.Ref, Task.CompletedTask)));
        TestProbe third = CreateTestProbe();
        Client.Tcp.Tell(new Tcp.Connect(Address), third);
        await third.ExpectMsgAsync<Tcp.Connected>(Patience);
        IActorRef sending = third.Sender;
        await Far.ExpectMsgAsync<Tcp.Connected>(Patience);
        IActorRef receiving = Far.Sender;
        receiving.Tell(new Tcp.Register(hashing), Far);
        sending.Tell(new Tcp.Register(third), third);

        sending.Tell(Tcp.Write.Create(ByteString.FromBytes(bytes)), third);
        sending.Tell(Tcp.Close.Instance, closer);

        await closer.ExpectMsgAsync<Tcp.Closed>(Patience);
        await third.ExpectMsgAsync<Tcp.Closed>(Patience);
        Assert.Equal(System.Security.Cryptography.SHA256.HashData(bytes), await Far.ExpectMsgAsync<byte[]>(Patience));
        await Far.ExpectMsgAsync<Tcp.PeerClosed>(Patience);
    }

    [Fact]
    public async Task A_confirmed_close_waits_for_the_peers_and_a_handler_that_keeps_open_goes_on_writing()
    {
        await OpenAsync(keepOpen: true);
        NearConnection.Tell(Write("last"), Near);
        NearConnection.Tell(Tcp.ConfirmedClose.Instance, Near);
        Assert.Equal("last", await TextAsync(Far, 4));
        await Far.ExpectMsgAsync<Tcp.PeerClosed>(Patience);

        NearConnection.Tell(Write("too late"), Near);
        Tcp.CommandFailed late = await Near.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        FarConnection.Tell(Write("answer", new Said("answered")), Far);
        await Far.ExpectMsgAsync(new Said("answered"), Patience);
        Assert.Equal("answer", await TextAsync(Near, 6));
        FarConnection.Tell(Tcp.ConfirmedClose.Instance, Far);

        Assert.Contains("closed", late.Cause.Value.Message, StringComparison.Ordinal);
        await Far.ExpectMsgAsync<Tcp.ConfirmedClosed>(Patience);
        await Near.ExpectMsgAsync<Tcp.ConfirmedClosed>(Patience);
    }

    [Fact]
    public async Task A_peer_that_closes_closes_the_connection_behind_what_was_written()
    {
        await OpenAsync();
        Near.Watch(NearConnection);
        Far.Watch(FarConnection);
        FarConnection.Tell(Write("answer"), Far);
        Assert.Equal("answer", await TextAsync(Near, 6));

        NearConnection.Tell(Tcp.ConfirmedClose.Instance, Near);

        await Far.ExpectMsgAsync<Tcp.PeerClosed>(Patience);
        await Far.ExpectTerminatedAsync(FarConnection, Patience);
        await Near.ExpectMsgAsync<Tcp.ConfirmedClosed>(Patience);
        await Near.ExpectTerminatedAsync(NearConnection, Patience);
    }

    [Fact]
    public async Task What_a_handler_answers_after_the_peers_end_came_is_still_sent()
    {
        await ConnectAsync();
        var busy = new TaskCompletionSource();
        IActorRef answering = Sys.ActorOf(Props.Create(() => new Answering(busy.Task)));
        FarConnection.Tell(new Tcp.Register(answering), Far);
        NearConnection.Tell(new Tcp.Register(Near), Near);
        NearConnection.Tell(Write("question"), Near);
        NearConnection.Tell(Tcp.ConfirmedClose.Instance, Near);
        await UntilAsync(async () => (await ReportAsync(FarConnection)).Variants.State == TcpState.CloseWait);

        busy.SetResult();

        Assert.Equal("answer", await TextAsync(Near, 6));
        await Near.ExpectMsgAsync<Tcp.ConfirmedClosed>(Patience);
    }

    [Fact]
    public async Task Abort_resets_the_connection()
    {
        await OpenAsync();
        NearConnection.Tell(Tcp.Abort.Instance, Near);

        await Near.ExpectMsgAsync<Tcp.Aborted>(Patience);
        Tcp.ErrorClosed error = await Far.ExpectMsgAsync<Tcp.ErrorClosed>(Patience);
        Assert.Equal(new SocketException((int)SocketError.ConnectionReset).Message, error.Cause);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_that_came_before_the_handler_is_told_to_it(bool isRead)
    {
        await ConnectAsync();
        NearConnection.Tell(Tcp.Abort.Instance, Near);
        await Near.ExpectMsgAsync<Tcp.Aborted>(Patience);
        await UntilAsync(async () => (await ReportAsync(FarConnection)).Variants.State == TcpState.Closed);
        if (!isRead)
        {
            FarConnection.Tell(Tcp.SuspendReading.Instance, Far);
            FarConnection.Tell(Write("to nobody"), Far);
        }

        FarConnection.Tell(new Tcp.Register(Far), Far);

        await Far.ExpectMsgAsync<Tcp.ErrorClosed>(Patience);
    }

    [Fact]
    public async Task The_death_of_a_handler_resets_the_connection()
    {
        await ConnectAsync();
        IActorRef handler = Sys.ActorOf(Props.Create(() => new Hashing(1, Near.Ref, Task.CompletedTask)));
        NearConnection.Tell(new Tcp.Register(handler), Near);
        FarConnection.Tell(new Tcp.Register(Far), Far);

        Sys.Stop(handler);

        await Far.ExpectMsgAsync<Tcp.ErrorClosed>(Patience);
    }

    [Fact]
    public async Task A_connection_for_which_nobody_registers_is_reset()
    {
        await ConnectAsync();
        FarConnection.Tell(new Tcp.Register(Far), Far);
        Near.Watch(NearConnection);

        await Near.ExpectTerminatedAsync(NearConnection, Patience);
        await Far.ExpectMsgAsync<Tcp.ErrorClosed>(Patience);
    }

    [Fact]
    public async Task Unbind_ends_listening_and_no_connection()
    {
        await OpenAsync();
        Binder.Watch(Listener);
        Listener.Tell(Tcp.Unbind.Instance, Binder);
        await Binder.ExpectMsgAsync<Tcp.Unbound>(Patience);
        await Binder.ExpectTerminatedAsync(Listener, Patience);

        TestProbe late = CreateTestProbe();
        Client.Tcp.Tell(new Tcp.Connect(Address), late);
        Tcp.CommandFailed failed = await late.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(failed.Cause.Value).SocketErrorCode);
        NearConnection.Tell(Write("still"), Near);
        Assert.Equal("still", await TextAsync(Far, 5));
    }

    [Fact]
    public async Task A_connect_that_is_not_answered_fails_after_its_timeout()
    {
        // A neighbour who is there and has another address: it takes no notice.
        Client.SetNeighbor(IPAddress.Parse("10.77.0.9"), MacAddress.Parse("02:00:00:00:00:09"));
        var connect = new Tcp.Connect(new IPEndPoint(IPAddress.Parse("10.77.0.9"), 7), timeout: TimeSpan.FromMilliseconds(100));

        Client.Tcp.Tell(connect, Near);

        Tcp.CommandFailed failed = await Near.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        Assert.Same(connect, failed.Cmd);
        Assert.IsType<TimeoutException>(failed.Cause.Value);
    }

    [Fact]
    public async Task What_does_not_fit_fails_with_a_reason()
    {
        await OpenAsync();
        await AssertFailsAsync(Server.Tcp, new Tcp.Bind(Far, Address), "");
        await AssertFailsAsync(Server.Tcp, new Tcp.Bind(Far, new DnsEndPoint("localhost", 7)), "IP end point");
        await AssertFailsAsync(Server.Tcp, new Tcp.Bind(Far, Address, options: [new Inet.SO.ReuseAddress(true)]), "OffloadHostOptions");
        await AssertFailsAsync(Client.Tcp, new Tcp.Connect(Address, options: [new Inet.SO.ReuseAddress(true)]), "OffloadHostOptions");
        await AssertFailsAsync(Client.Tcp, new Tcp.Connect(Address, localAddress: new IPEndPoint(IPAddress.Any, 9)), "local address");
        await AssertFailsAsync(Client.Tcp, Write("to nobody"), "Connected");
        await AssertFailsAsync(Listener, new Tcp.ResumeAccepting(1), "pull mode");
        await AssertFailsAsync(NearConnection, new Tcp.Register(Near), "has a handler");
        await AssertFailsAsync(NearConnection, Tcp.Unbind.Instance, "Unbind");

        // And the connection goes on.
        NearConnection.Tell(Write("still"), Near);
        Assert.Equal("still", await TextAsync(Far, 5));
    }

    private async Task AssertFailsAsync(IActorRef to, Tcp.Command command, string because)
    {
        TestProbe probe = CreateTestProbe();
        to.Tell(command, probe);
        Tcp.CommandFailed failed = await probe.ExpectMsgAsync<Tcp.CommandFailed>(Patience);
        Assert.Same(command, failed.Cmd);
        Assert.Contains(because, failed.Cause.Value.Message, StringComparison.Ordinal);
    }

    private sealed class Answering(Task start) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            start.Wait(Patience);
            if (message is Tcp.Received)
            {
                Sender.Tell(Write("answer"));
            }
        }
    }

    private sealed class Said(string what) : Tcp.Event
    {
        private readonly string _what = what;

        public override bool Equals(object? obj) => obj is Said said && string.Equals(said._what, _what, StringComparison.Ordinal);

        public override int GetHashCode() => _what.GetHashCode(StringComparison.Ordinal);

        public override string ToString() => _what;
    }
}
