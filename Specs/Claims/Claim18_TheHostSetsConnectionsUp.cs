using System.Diagnostics;
using System.Net;
using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Host;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 18 and 19: the host sets connections up, and so resists denial of service.</summary>
[Collection(nameof(Kernel.RunsAlone))]
public sealed class Claim18_TheHostSetsConnectionsUp(ITestOutputHelper output)
{
    private const int Bytes = 64 << 20;
    private const int SynsInAll = 20_000;

    // Fails when: HostSupervisor offloads what is half-open (ManagedListener delivers an opening at its SYN), or the TOE keeps an entry for each flow it sees.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_SYN_flood_leaves_the_TOE_as_it_was_while_offloaded_connections_keep_their_throughput(HostKind kind)
    {
        // Little memory for bytes, as how much of it an exchange comes to need depends on who is faster.
        await using ClaimWorld world = ClaimWorld.Create(
            kind, output, static options => options with { SendBufferLimit = 256 << 10, ReceiveBufferLimit = 256 << 10 });
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        WireSegment model = world.Wire.FromHost.First();
        world.Wire.StopListening();
        await line.OffloadAsync();

        // Once before anything is measured: what the wire and the host need for it is there then.
        await Task.WhenAll(line.ExchangeAsync(Bytes, Bytes), Task.Run(() => Flood(world, model)));
        long began = Stopwatch.GetTimestamp();
        await line.ExchangeAsync(Bytes, Bytes);
        TimeSpan alone = Stopwatch.GetElapsedTime(began);
        await world.Host.ListAsync();
        (int actors, int words) = (Actors(world), Words(world));
        long memory = CrowdedHost.MemoryInUse();

        began = Stopwatch.GetTimestamp();
        Task<TimeSpan> exchange = Task.Run(async () =>
        {
            await line.ExchangeAsync(Bytes, Bytes);
            return Stopwatch.GetElapsedTime(began);
        });
        await Task.Run(() => Flood(world, model));
        TimeSpan flooding = Stopwatch.GetElapsedTime(began);
        TimeSpan under = await exchange;

        output.WriteLine($"{SynsInAll} SYNs in {flooding.TotalMilliseconds:F0} ms; alone {alone.TotalMilliseconds:F0} ms, under it {under.TotalMilliseconds:F0} ms");
        Assert.Equal(actors, Actors(world));
        Assert.Equal(words, Words(world));
        Assert.Single(await world.Host.ListAsync());
        Assert.InRange(CrowdedHost.MemoryInUse() - memory, long.MinValue, 8 << 20);

        // All of it has arrived, compared by hash, while the flood went on; how fast is for the eye, as the machine is shared.
        Assert.NotEqual(world.Stack, (await line.ReportAsync()).Owner, StringComparer.Ordinal);
    }

    private static void Flood(ClaimWorld world, WireSegment model)
    {
        var random = new Random(18);
        InternetAddress nobody = InternetAddress.From(IPAddress.Parse("10.77.0.100"));
        world.Know(nobody);
        for (int i = 0; i < SynsInAll; i++)
        {
            world.Wire.SendToHost(ForgedSegment.Syn(model, nobody, (ushort)random.Next(1024, 65536), (uint)random.Next()));
        }
    }

    /// <summary>Without those that are said once a second, whatever else comes.</summary>
    private static int Words(ClaimWorld world) => world.Conversation.Said.Count(
        static word => word is not (Toe.Event.NeighborConfirmed or Toe.Command.Query or Toe.Event.StatisticsReport));

    private static int Actors(ClaimWorld world)
    {
        static int Count(IActorRef actor) => 1 + (actor is ActorRefWithCell cell ? cell.Children.Sum(Count) : 0);

        return Count(((ExtendedActorSystem)world.Conversation.System).Guardian);
    }
}
