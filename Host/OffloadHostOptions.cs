using System.IO.Pipelines;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Congestion;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux;

namespace TcpActors.HostSide;

/// <summary>One TOE to run.</summary>
/// <param name="Interface">The network interface it runs on.</param>
/// <param name="Name">What lists and logs call it; null: like the interface.</param>
public sealed record ToeOptions(string Interface, string? Name = null);

/// <summary>How a host works, whatever its stack.</summary>
public record HostOptions
{
    /// <summary>Decides which connections the host moves by itself, and when: by default where it pays, as was measured.</summary>
    public IOffloadPolicy Policy { get; init => field = OptionValue.Given(value); } = OffloadPolicies.Adaptive;

    /// <summary>
    /// How long the policy leaves a connection where it was moved to, whoever moved it: a day at most. Moves by hand and those that must be (a FIN, a TOE that
    /// asks) do not wait.
    /// </summary>
    public TimeSpan MoveHysteresis { get; init => field = OptionValue.Within(value, TimeSpan.Zero, TimeSpan.FromDays(1)); } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A file that gets what the policy is told and what is moved, to be replayed under other policies (<c>tcpactors policy replay</c>); null: none. One
    /// that is there is written anew. It grows by about 300 bytes for each sample of a connection that moves bytes, up to <see cref="RecordLimit"/>.
    /// </summary>
    public string? RecordFile { get; init; }

    /// <summary>Most bytes of the <see cref="RecordFile"/>, 64 KiB at least: then it says that it is full and ends.</summary>
    public long RecordLimit { get; init => field = OptionValue.Within(value, 64 << 10, long.MaxValue); } = 256L << 20;

    /// <summary>Gets the log: each move with its reason, what was refused, what the TOEs run on. Nothing by default.</summary>
    public ILoggerFactory LoggerFactory { get; init => field = OptionValue.Given(value); } = NullLoggerFactory.Instance;

    /// <summary>Most memory that connection buffers take, in bytes: 64 KiB at least.</summary>
    public long BufferMemoryLimit { get; init => field = OptionValue.Within(value, ChunkPool.DefaultChunkSize, long.MaxValue); } = 4L << 30;

    /// <summary>Most unacknowledged and unsent bytes of one connection: 4 KiB to 1 GiB.</summary>
    public int SendBufferLimit { get; init => field = OptionValue.Within(value, 4 << 10, 1 << 30); } = 4 << 20;

    /// <summary>
    /// Most unread bytes of one connection: 4 KiB to 1 GiB. The window advertises less until the application has read as fast as that needs; SO_RCVBUF of a
    /// connection's own socket takes the place of this. While the kernel owns the connection its socket's buffer (net.ipv4.tcp_rmem) comes on
    /// top, and what it holds is taken over whole when the connection is offloaded.
    /// </summary>
    public int ReceiveBufferLimit { get; init => field = OptionValue.Within(value, 4 << 10, 1 << 30); } = 4 << 20;

    /// <summary>
    /// The congestion control of every connection, by name (<see cref="CongestionControls"/>). Null: what its socket has (TCP_CONGESTION), if there is an
    /// algorithm of that name, or else CUBIC.
    /// </summary>
    /// <exception cref="ArgumentException">When there is no algorithm of that name.</exception>
    public string? CongestionControl
    {
        get;
        init => field = value is null || CongestionControls.Has(value) ? value : throw new ArgumentException(
            $"There is no congestion control named '{value}'. There are: {string.Join(", ", CongestionControls.Names)}. "
            + "One of your own is made known with CongestionControls.Add.",
            nameof(value));
    }

    /// <summary>Most connections of one TOE, 1 at least.</summary>
    public int ToeCapacity { get; init => field = OptionValue.Within(value, 1, int.MaxValue); } = 100_000;

    /// <summary>
    /// When a TOE offers a connection back that it could carry on with: the <see cref="Policy"/> takes it or declines; a connection that is moved by hand stays, and
    /// whoever subscribed to its events hears of it.
    /// </summary>
    public UploadRequestOptions UploadRequests { get; init => field = OptionValue.Given(value); } = UploadRequestOptions.Default;

    /// <summary>
    /// How often connections that move bytes are sampled for their rates: a day at most; zero: only when a report is asked for. One that moves
    /// nothing costs two looks at memory each time.
    /// </summary>
    public TimeSpan StatisticsInterval { get; init => field = OptionValue.Within(value, TimeSpan.Zero, TimeSpan.FromDays(1)); } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Where an application goes on that waited to read or to write. The thread pool by default; with <see cref="PipeScheduler.Inline"/> the
    /// thread that received the bytes, which saves a change of threads and is for applications that never block: it holds up every
    /// connection of that TOE meanwhile.
    /// </summary>
    public PipeScheduler ApplicationScheduler { get; init => field = OptionValue.Given(value); } = PipeScheduler.ThreadPool;

    /// <summary>
    /// The embedder's own actor system, which must have <see cref="Actors.OffloadEngine.ReferenceConfig"/> as a fallback; null: the host
    /// makes one and ends it.
    /// </summary>
    public ActorSystem? System { get; init; }
}

/// <summary>How an <see cref="OffloadHost"/> works.</summary>
public sealed record OffloadHostOptions : HostOptions
{
    /// <summary>The TOEs. Empty: one for each interface that carries a served address, opened when it is needed.</summary>
    public IReadOnlyList<ToeOptions> Toes { get; init => field = OptionValue.Given(value); } = [];

    /// <summary>
    /// Receiving threads of each TOE, over which the kernel spreads connections; 1 to 64. With a <see cref="CaptureFile"/> there is one.
    /// </summary>
    public int ReceiveQueues { get; init => field = OptionValue.Within(value, 1, PacketLinkOptions.MostQueues); } = Math.Min(Environment.ProcessorCount, 16);

    /// <summary>
    /// How long a receiving thread looks for frames before it sleeps, as long as that pays; an idle TOE sleeps at once. It gives its core to
    /// any thread that wants it. One second at most; zero: it always sleeps at once, which saves processor time and costs a wake-up for each round trip.
    /// </summary>
    public TimeSpan BusyPoll
    {
        get;
        init => field = OptionValue.Within(value, TimeSpan.Zero, TimeSpan.FromMicroseconds(PacketLinkOptions.LongestBusyPoll.Value));
    }
    = TimeSpan.FromMicroseconds(50);

    /// <summary>
    /// A pcapng file that gets every frame the TOEs send and receive; null: none. With several TOEs each has its own, named before the
    /// extension.
    /// </summary>
    public string? CaptureFile { get; init; }

    /// <summary>
    /// How long an ending host waits for the kernel to take what was written to its connections; one that has more is then reset, so that no
    /// peer takes a part for the whole. A day at most.
    /// </summary>
    public TimeSpan CloseTimeout { get; init => field = OptionValue.Within(value, TimeSpan.Zero, TimeSpan.FromDays(1)); } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether connections that the host accepts or opens send small segments at once (TCP_NODELAY, RFC 9293 3.7.4 without Nagle's
    /// algorithm).
    /// </summary>
    public bool NoDelay { get; init; }

    /// <summary>
    /// How long the peer of a connection that the host accepts or opens may be silent before it is asked whether it is there (SO_KEEPALIVE and TCP_KEEPIDLE, RFC
    /// 9293 3.8.4): 1 s to 32,767 s, in whole seconds. Null: it is not asked.
    /// </summary>
    public TimeSpan? KeepAlive
    {
        get;
        init => field = value is { } time ? OptionValue.Within(time, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(short.MaxValue)) : null;
    }

    internal HostFences Fences { get; init; } = new();
}

/// <summary>The host cannot do what was asked for; the message says what to do about it.</summary>
public sealed class OffloadHostException : Exception
{
    public OffloadHostException()
    {
    }

    public OffloadHostException(string message)
        : base(message)
    {
    }

    public OffloadHostException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
