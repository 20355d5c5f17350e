using System.Runtime.InteropServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 11 and 12: the TOE alone reads and writes the offloaded segment-variant variables.</summary>
public sealed class Claim11_TheToeAloneOwnsTheVariables(ITestOutputHelper output)
{
    private const int Schedules = 500;

    // Fails when: CommitSlot.TryCommit does not look at the epoch, or CommitSlot.Open takes an older one.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_a_former_owner_writes_is_refused_and_changes_nothing(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        CommitSlot slot = line.Served.Memory.Slot;
        await line.OffloadAsync();
        await line.UploadAsync();
        await line.OffloadAsync();
        SegmentVariants forged = line.Committed;
        forged.RcvNxt += 1000;

        foreach (uint former in (uint[])[0, 1, 2])
        {
            Assert.False(slot.TryCommit(new Epoch(former), in forged));
            Assert.Throws<OwnershipException>(() => slot.Open(new Epoch(former), in forged));
        }

        Assert.Equal(new Epoch(3), slot.Epoch);
        await line.ExchangeAsync(1_000_000, 1_000_000);
    }

    // Fails when: OwnedVariables.HandOver does not note that it was done (Interlocked.Exchange), or Variants does not look.
    [Fact]
    public void Over_random_schedules_there_are_never_two_owners()
    {
        for (int seed = 0; seed < Schedules; seed++)
        {
            RunSchedule(new Random(seed), seed);
        }
    }

    // Fails when: OwnedVariables.HandOver reads and writes its flag in two steps.
    [Fact]
    public void Of_many_who_hand_over_at_the_same_moment_one_does()
    {
        for (int round = 0; round < Schedules; round++)
        {
            var owned = new OwnedVariables(new ConnectionId(1), new Epoch((uint)round), SegmentVariants.Quiet);
            int next = 0;
            Parallel.For(0, 4, _ =>
            {
                try
                {
                    Assert.Equal(owned.Epoch.Next, owned.HandOver(SegmentVariants.Quiet).Epoch);
                    Interlocked.Increment(ref next);
                }
                catch (OwnershipException)
                {
                    // Another was first.
                }
            });
            Assert.Equal(1, next);
        }
    }

    // Fails when: HostSupervisor begins a move while another is under way (BeginOffload leaves Owner at Host), or OnUploaded does not open the slot.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task While_many_move_one_connection_at_random_its_epoch_only_grows_and_no_byte_is_anybodys_twice(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        CommitSlot slot = line.Served.Memory.Slot;
        using var over = new CancellationTokenSource();
        Task watching = Task.Run(() =>
        {
            SegmentVariants last = slot.Read(out Epoch epoch);
            while (!over.IsCancellationRequested)
            {
                SegmentVariants now = slot.Read(out Epoch current);
                Assert.True(current.Value >= epoch.Value, $"epoch {current} after {epoch}");
                Assert.True(epoch.Value == 0 || (now.SndUna >= last.SndUna && now.RcvNxt >= last.RcvNxt), "a former owner's variables came up again");
                (last, epoch) = (now, current);
                Thread.Yield();
            }
        });
        Task[] movers = [.. Enumerable.Range(0, 3).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            while (line.Served.Epoch.Value < 100)
            {
                Task<MoveResult> move = random.Next(2) == 0 ? line.Served.OffloadAsync() : line.Served.UploadAsync();
                Assert.Empty((await move.WaitAsync(ClaimWorld.Patience)).Refused);
            }
        }))];
        Task moving = Task.WhenAll(movers);

        await Task.WhenAll(line.SendUntilAsync(() => moving.IsCompleted), line.ReceiveUntilAsync(() => moving.IsCompleted), moving);
        await over.CancelAsync();
        await watching;
    }

    /// <summary>Everybody who has ever owned the connection goes on trying; only the last one in the row may.</summary>
    private static void RunSchedule(Random random, int seed)
    {
        ulong[] memory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);
        var slot = new CommitSlot(Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0));
        var owners = new List<OwnedVariables> { new(new ConnectionId(seed), new Epoch(1), SegmentVariants.Quiet) };
        slot.Open(owners[0].Epoch, SegmentVariants.Quiet);
        uint written = 0;
        for (int step = 0; step < 100; step++)
        {
            OwnedVariables one = owners[random.Next(owners.Count)];
            bool isOwner = ReferenceEquals(one, owners[^1]);
            switch (random.Next(4))
            {
                case 0 when isOwner:
                    owners.Add(one.HandOver());
                    slot.Open(owners[^1].Epoch, owners[^1].Variants);
                    break;
                case 0:
                    Assert.Throws<OwnershipException>(() => one.HandOver());
                    break;
                case 1 when isOwner:
                    one.Variants.IpId = (ushort)++written;
                    break;
                case 1:
                    Assert.Throws<OwnershipException>(() => one.Variants.IpId = 0);
                    break;
                case 2:
                    Assert.Equal(isOwner, slot.TryCommit(one.Epoch, isOwner ? one.Variants : default));
                    break;
                default:
                    Assert.Throws<OwnershipException>(() => slot.Open(one.Epoch, default));
                    break;
            }

            Assert.Equal((ushort)written, owners[^1].Variants.IpId);
            Assert.Equal(owners[^1].Epoch, slot.Epoch);
        }

        GC.KeepAlive(memory);
    }
}
