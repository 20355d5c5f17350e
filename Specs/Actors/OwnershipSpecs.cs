using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Actors;

public sealed class OwnershipSpecs
{
    private static readonly ConnectionId Id = new(1);

    [Fact]
    public void Variables_that_were_handed_over_cannot_be_used()
    {
        var host = new OwnedVariables(Id, new Epoch(0), new SegmentVariants { SndUna = new SeqNum(7) });
        OwnedVariables toe = host.HandOver();

        Assert.Equal(new Epoch(1), toe.Epoch);
        Assert.Equal(new SeqNum(7), toe.Variants.SndUna);
        Assert.Throws<OwnershipException>(() => host.Variants.SndUna = new SeqNum(8));
        Assert.Throws<OwnershipException>(() => host.HandOver());
    }

    [Fact]
    public void A_pull_takes_everything_oldest_first_and_one_doorbell_stands_for_all()
    {
        var stack = new TransferStack();
        Assert.True(stack.Push(Entry(1)));
        Assert.False(stack.Push(Entry(2)));
        Assert.False(stack.Push(Entry(3)));

        Assert.Equal([1L, 2, 3], stack.PullAll().Select(entry => entry.Variables.Connection.Value));
        Assert.Empty(stack.PullAll());
        Assert.True(stack.Push(Entry(4)));
    }

    [Fact]
    public void A_commit_of_a_past_epoch_publishes_nothing()
    {
        ulong[] memory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);
        var slot = new CommitSlot(Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0));
        slot.Open(new Epoch(1), new SegmentVariants { RcvNxt = new SeqNum(10) });
        Assert.True(slot.TryCommit(new Epoch(1), new SegmentVariants { RcvNxt = new SeqNum(20) }));

        slot.Open(new Epoch(2), slot.Read(out _));

        Assert.False(slot.TryCommit(new Epoch(1), new SegmentVariants { RcvNxt = new SeqNum(30) }));
        Assert.Equal(new SeqNum(20), slot.Read(out Epoch epoch).RcvNxt);
        Assert.Equal(new Epoch(2), epoch);
        Assert.Throws<OwnershipException>(() => slot.Open(new Epoch(2), default));
        GC.KeepAlive(memory);
    }

    [Fact]
    public async Task A_reader_never_sees_a_mixture_of_two_commits()
    {
        ulong[] memory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);
        var slot = new CommitSlot(Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0));
        slot.Open(new Epoch(1), default);
        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(() =>
        {
            for (uint i = 0; !stop.IsCancellationRequested; i++)
            {
                slot.TryCommit(new Epoch(1), new SegmentVariants { SndUna = new SeqNum(i), RcvNxt = new SeqNum(i), SndWnd = i });
            }
        });
        for (int i = 0; i < 200_000; i++)
        {
            SegmentVariants seen = slot.Read(out _);
            Assert.Equal(seen.SndUna, seen.RcvNxt);
            Assert.Equal(seen.SndUna.Value, seen.SndWnd);
        }

        await stop.CancelAsync();
        await writer;

        // A slot does not keep its memory; collected, it would be somebody else's.
        GC.KeepAlive(memory);
    }

    [Fact]
    public void The_variables_fit_their_slot_and_the_designs_limit()
    {
        int size = Unsafe.SizeOf<SegmentVariants>();
        Assert.InRange(size, 1, 512);
        Assert.True(size + sizeof(ulong) <= CommitSlot.Size);
    }

    private static TransferEntry Entry(long id)
    {
        var flow = new FlowKey(default, default, 1, 2);
        return new TransferEntry(
            new OwnedVariables(new ConnectionId(id), default, default),
            new ConnectionInvariants { Flow = flow, InitialSendSequence = default, InitialReceiveSequence = default },
            new SegmentInvariants { Neighbor = new Neighbor { Mac = default }, Path = new NetworkPath { Mtu = 1500 }, EffectiveMss = 1460 },
            UploadReason.None);
    }
}
