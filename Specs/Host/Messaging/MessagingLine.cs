using System.Net;
using System.Security.Cryptography;
using Akka.Actor;
using Akka.Configuration;
using Akka.IO;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.HostSide;
using TcpActors.HostSide.Messaging;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host.Messaging;

/// <summary>Two managed hosts, and actors that talk over them with messages only: the client's end, and what the server's listener accepted.</summary>
public abstract class MessagingLine : TestKit, IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="output">Gets the log.</param>
    /// <param name="options">Of both hosts.</param>
    /// <param name="settings">HOCON beside what the hosts need.</param>
    protected MessagingLine(ITestOutputHelper output, HostOptions? options = null, string settings = "")
        : base(ConfigurationFactory.ParseString(settings).WithFallback(OffloadEngine.ReferenceConfig), "messaging", output)
    {
        options = (options ?? new HostOptions()) with { System = Sys, Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) };
        (Server, Client) = ManagedHost.CreatePair(options, options);
    }

    protected ManagedHost Server { get; }

    protected ManagedHost Client { get; }

    /// <summary>Connects, and handles the client's end.</summary>
    protected TestProbe Near { get; private set; } = null!;

    /// <summary>Handles the server's end.</summary>
    protected TestProbe Far { get; private set; } = null!;

    protected TestProbe Binder { get; private set; } = null!;

    /// <summary>The client's connection as an actor.</summary>
    protected IActorRef NearConnection { get; private set; } = ActorRefs.Nobody;

    /// <summary>The server's.</summary>
    protected IActorRef FarConnection { get; private set; } = ActorRefs.Nobody;

    protected IActorRef Listener { get; private set; } = ActorRefs.Nobody;

    protected static IPEndPoint Address { get; } = new(IPAddress.Parse("10.77.0.1"), 7);

    public Task InitializeAsync()
    {
        (Near, Far, Binder) = (CreateTestProbe("near"), CreateTestProbe("far"), CreateTestProbe("binder"));
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }

    protected static Tcp.Write Write(string text, Tcp.Event? ack = null) => Tcp.Write.Create(ByteString.FromString(text), ack ?? Tcp.NoAck.Instance);

    /// <summary>Binds and connects; nobody has registered yet.</summary>
    protected async Task ConnectAsync(bool pullMode = false)
    {
        Server.Tcp.Tell(new Tcp.Bind(Far, Address, pullMode: pullMode), Binder);
        await Binder.ExpectMsgAsync<Tcp.Bound>(Patience);
        Listener = Binder.Sender;
        if (pullMode)
        {
            Listener.Tell(new Tcp.ResumeAccepting(1), Far);
        }

        Client.Tcp.Tell(new Tcp.Connect(Address), Near);
        await Near.ExpectMsgAsync<Tcp.Connected>(Patience);
        NearConnection = Near.Sender;
        await Far.ExpectMsgAsync<Tcp.Connected>(Patience);
        FarConnection = Far.Sender;
    }

    /// <summary>Binds, connects and registers the probes as handlers.</summary>
    protected async Task OpenAsync(bool pullMode = false, bool keepOpen = false)
    {
        await ConnectAsync(pullMode);
        NearConnection.Tell(new Tcp.Register(Near), Near);
        FarConnection.Tell(new Tcp.Register(Far, keepOpenOnPeerClosed: keepOpen), Far);
    }

    protected async Task<ConnectionReport> ReportAsync(IActorRef connection) =>
        await connection.Ask<ConnectionReport>(new Offloading.Command.Query(), Patience);

    /// <summary>What arrives until there are so many bytes; nothing but <see cref="Tcp.Received"/> may come.</summary>
    protected static async Task<string> TextAsync(TestProbe probe, int length)
    {
        string text = "";
        while (text.Length < length)
        {
            text += (await probe.ExpectMsgAsync<Tcp.Received>(Patience)).Data.ToString();
        }

        return text;
    }

    /// <summary>Waits for something that nobody announces; looks every few milliseconds.</summary>
    protected static async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!await happened())
        {
            await look.WaitForNextTickAsync(patience.Token);
        }
    }

    protected static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Hashes what it receives, and tells the digest when it has so much.</summary>
    protected sealed class Hashing : UntypedActor
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly IActorRef _reader;
        private readonly Task _start;
        private long _left;

        /// <param name="expected">Bytes.</param>
        /// <param name="reader">Gets the digest, and everything else that comes.</param>
        /// <param name="start">Its thread is blocked until this has completed: everything waits in its mailbox.</param>
        public Hashing(long expected, IActorRef reader, Task start) => (_left, _reader, _start) = (expected, reader, start);

        protected override void OnReceive(object message)
        {
            _start.Wait(Patience);
            if (message is not Tcp.Received received)
            {
                _reader.Forward(message);
                return;
            }

            _hash.AppendData(received.Data.ToArray());
            _left -= received.Data.Count;
            if (_left == 0)
            {
                _reader.Tell(_hash.GetHashAndReset());
            }
        }

        protected override void PostStop() => _hash.Dispose();
    }
}
