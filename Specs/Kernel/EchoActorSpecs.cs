using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Akka.Actor;
using Akka.IO;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Messaging;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Actors that were written for Akka.IO serve and open kernel connections, which move by message meanwhile.</summary>
public sealed class EchoActorSpecs : TestKit
{
    private static readonly TimeSpan s_patience = TrafficConnection.Patience;

    private readonly ITestOutputHelper _output;

    public EchoActorSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "echo-actor", output) => _output = output;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_echo_server_of_Akkas_documentation_serves_a_kernel_socket_while_it_moves(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(_output, new OffloadHostOptions { System = Sys });
        IPEndPoint address = await ServeAsync(host, hosts.Server.Address(family));
        using var client = hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(address).WaitAsync(s_patience);
        var enough = new TaskCompletionSource();

        Task<byte[]> sent = Task.Run(async () =>
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var random = new Random(8);
            while (!enough.Task.IsCompleted)
            {
                byte[] block = Content(1 << 20, random);
                hash.AppendData(block);
                for (ReadOnlyMemory<byte> rest = block; !rest.IsEmpty;)
                {
                    rest = rest[await client.SendAsync(rest)..];
                }
            }

            client.Shutdown(SocketShutdown.Send);
            return hash.GetHashAndReset();
        });
        Task<byte[]> received = SHA256.HashDataAsync(new NetworkStream(client, ownsSocket: false)).AsTask();
        uint moves = await MoveUntilAsync(host, moves => moves >= 40 || received.IsCompleted);
        enough.SetResult();

        Assert.Equal(await sent.WaitAsync(s_patience), await received.WaitAsync(s_patience));
        Assert.True(moves >= 40, $"only {moves} moves");
    }

    [ProgramTheory("nc")]
    [InlineData(AddressFamily.InterNetwork)]
    public async Task The_echo_server_of_Akkas_documentation_serves_nc_while_it_moves(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(_output, new OffloadHostOptions { System = Sys });
        IPEndPoint address = await ServeAsync(host, hosts.Server.Address(family));
        byte[] content = Content(64 << 20, new Random(9));
        using Process nc = hosts.Client.Run(() => Process.Start(
            new ProcessStartInfo("nc", ["-N", address.Address.ToString(), $"{address.Port}"])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!);

        Task sending = Task.Run(async () =>
        {
            await nc.StandardInput.BaseStream.WriteAsync(content);
            nc.StandardInput.Close();
        });
        Task<byte[]> received = SHA256.HashDataAsync(nc.StandardOutput.BaseStream).AsTask();
        uint moves = await MoveUntilAsync(host, _ => received.IsCompleted);

        Assert.Equal(SHA256.HashData(content), await received.WaitAsync(s_patience));
        await sending.WaitAsync(s_patience);
        Assert.True(moves > 0, "it was never moved");
    }

    [KernelFact]
    public async Task An_actor_opens_a_connection_to_a_kernel_listener_and_hears_of_its_moves_and_its_end()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(_output, new OffloadHostOptions { System = Sys });
        using Socket listener = hosts.Client.Listen();
        host.Tcp.Tell(new Tcp.Connect(listener.LocalEndPoint), TestActor);
        Tcp.Connected connected = await ExpectMsgAsync<Tcp.Connected>(s_patience);
        IActorRef connection = LastSender;
        using Socket peer = await listener.AcceptAsync().WaitAsync(s_patience);
        Assert.Equal(peer.RemoteEndPoint, connected.LocalAddress);
        connection.Tell(new Tcp.Register(TestActor), TestActor);
        TestProbe events = CreateTestProbe();
        connection.Tell(new Offloading.Command.Subscribe(null, events), events);
        await events.ExpectMsgAsync<Offloading.Answer.Subscribed>(s_patience);

        Assert.Equal(1, (await connection.Ask<MoveResult>(new Offloading.Command.Offload(), s_patience)).Moved);
        connection.Tell(Tcp.Write.Create(ByteString.FromString("question")), TestActor);
        byte[] room = new byte[64];
        Assert.Equal(8, await peer.ReceiveAsync(room).WaitAsync(s_patience));
        await peer.SendAsync("answer"u8.ToArray());
        Assert.Equal("answer", (await ExpectMsgAsync<Tcp.Received>(s_patience)).Data.ToString());
        peer.LingerState = new LingerOption(true, 0);
        peer.Close();

        await ExpectMsgAsync<Tcp.ErrorClosed>(s_patience);
        Assert.Equal("server0", (await events.ExpectMsgAsync<Offloading.Event.Offloaded>(s_patience)).Toe);
        Assert.Equal(UploadReason.PeerReset, (await events.ExpectMsgAsync<Offloading.Event.UploadRequested>(s_patience)).Reason);
        await events.ExpectMsgAsync<Offloading.Event.Uploaded>(s_patience);
        await events.ExpectMsgAsync<Offloading.Event.Ended>(s_patience);
    }

    [KernelFact]
    public async Task An_address_in_use_and_a_peer_that_refuses_fail_with_the_sockets_error()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(_output, new OffloadHostOptions { System = Sys });
        using Socket taken = hosts.Server.Listen();

        host.Tcp.Tell(new Tcp.Bind(TestActor, taken.LocalEndPoint), TestActor);
        Tcp.CommandFailed inUse = await ExpectMsgAsync<Tcp.CommandFailed>(s_patience);
        host.Tcp.Tell(new Tcp.Connect(new IPEndPoint(hosts.Client.IPv4, 9)), TestActor);
        Tcp.CommandFailed refused = await ExpectMsgAsync<Tcp.CommandFailed>(s_patience);

        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.IsType<SocketException>(inUse.Cause.Value).SocketErrorCode);
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(refused.Cause.Value).SocketErrorCode);
    }

    /// <summary>Random, without the letter at which the documentation's actor stops.</summary>
    private static byte[] Content(int length, Random random)
    {
        byte[] content = new byte[length];
        random.NextBytes(content);
        content.AsSpan().Replace((byte)'x', (byte)'y');
        return content;
    }

    private async Task<IPEndPoint> ServeAsync(OffloadHost host, IPAddress address)
    {
        Sys.ActorOf(Props.Create(() => new EchoServer(host.Tcp, new IPEndPoint(address, 0), TestActor)));
        return (IPEndPoint)(await ExpectMsgAsync<Tcp.Bound>(s_patience)).LocalAddress;
    }

    private static async Task<uint> MoveUntilAsync(OffloadHost host, Func<uint, bool> enough)
    {
        uint moves = 0;
        long deadline = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (!enough(moves) && Environment.TickCount64 < deadline)
        {
            moves += (uint)(await host.Tcp.Ask<MoveResult>(new Offloading.Command.Offload(), s_patience)).Moved;
            moves += (uint)(await host.Tcp.Ask<MoveResult>(new Offloading.Command.Upload(), s_patience)).Moved;
        }

        return moves;
    }

    /// <summary>As in Akka.NET's documentation ("I/O", echo server); of it differ whom it asks to bind, where, and who hears of it instead of the console.</summary>
    private sealed class EchoServer : UntypedActor
    {
        private readonly IActorRef _bound;

        public EchoServer(IActorRef tcp, IPEndPoint address, IActorRef bound)
        {
            _bound = bound;
            tcp.Tell(new Tcp.Bind(Self, address));
        }

        protected override void OnReceive(object message)
        {
            if (message is Tcp.Bound bound)
            {
                _bound.Tell(bound);
            }
            else if (message is Tcp.Connected)
            {
                var connection = Context.ActorOf(Props.Create(() => new EchoConnection(Sender)));
                Sender.Tell(new Tcp.Register(connection));
            }
            else
            {
                Unhandled(message);
            }
        }
    }

    /// <summary>As in Akka.NET's documentation, unchanged.</summary>
    private sealed class EchoConnection : UntypedActor
    {
        private readonly IActorRef _connection;

        public EchoConnection(IActorRef connection) => _connection = connection;

        protected override void OnReceive(object message)
        {
            if (message is Tcp.Received received)
            {
                if (received.Data[0] == 'x')
                {
                    Context.Stop(Self);
                }
                else
                {
                    _connection.Tell(Tcp.Write.Create(received.Data));
                }
            }
            else
            {
                Unhandled(message);
            }
        }
    }
}
