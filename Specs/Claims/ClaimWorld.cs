using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>A host under test, its peer, the wire between them, and what host and TOE say to each other.</summary>
internal abstract class ClaimWorld : IAsyncDisposable
{
    /// <summary>How long anything may take on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The served port.</summary>
    protected const int Port = 7;

    /// <summary>How the host under test works when a spec says nothing.</summary>
    private static readonly HostOptions s_usual = new() { Policy = OffloadPolicies.Never };

    public abstract IOffloadHost Host { get; }

    /// <summary>What lists call the owner while it is the host's stack.</summary>
    public abstract string Stack { get; }

    public abstract Wire Wire { get; }

    public Conversation Conversation { get; } = new();

    public static ClaimWorld Create(HostKind kind, ITestOutputHelper output, Func<HostOptions, HostOptions>? change = null, int mtu = 1500)
    {
        HostOptions Options(HostOptions of)
        {
            HostOptions logged = of with { LoggerFactory = new SpecLog(output) };
            return change?.Invoke(logged) ?? logged;
        }

        if (kind == HostKind.Kernel)
        {
            return new KernelWorld(Options, mtu);
        }

        HostOptions options = Options(s_usual);
        return new ManagedWorld(options, s_usual with { ReceiveBufferLimit = options.ReceiveBufferLimit }, mtu);
    }

    /// <summary>A connection that the peer has opened.</summary>
    public abstract Task<ClaimLine> ConnectAsync();

    /// <summary>The peer's network card is another one from now on, and the host's neighbour table says so.</summary>
    public abstract MacAddress GivePeerAnotherMac();

    /// <summary>The host's neighbour table has another address at the peer's network card, at which nobody is.</summary>
    public abstract void Know(InternetAddress nobody);

    /// <summary>Waits for something that nobody announces.</summary>
    public static async Task UntilAsync(Func<Task<bool>> happened, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        try
        {
            while (!await happened())
            {
                await look.WaitForNextTickAsync(patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"in vain awaited: {what}");
        }
    }

    public abstract ValueTask DisposeAsync();
}
