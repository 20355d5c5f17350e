using System.Globalization;
using TcpActors.Engine.State;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Fuzzing;

/// <summary>Twelve million frames of a hostile network through parser, dispatcher and engines, in four parts that run beside each other.</summary>
public abstract class FrameFuzzSpecs(ITestOutputHelper output, ulong seed)
{
    /// <summary>How many frames each part sends, instead of as many as fit into a run of all specs.</summary>
    public const string FramesVariable = "TCPACTORS_FRAMES";

    private const long Frames = 3_000_000;
    private const int FramesBetweenMoves = 50_000;

    [Fact]
    public void No_frame_breaks_anything_and_every_one_is_counted()
    {
        ulong first = Replay.NamedSeed ?? seed;
        long frames = Environment.GetEnvironmentVariable(FramesVariable) is { Length: > 0 } text
            ? long.Parse(text, CultureInfo.InvariantCulture)
            : Frames;
        using FuzzedToe toe = new();
        FrameMutator mutator = new(first);
        Dice dice = new Dice(first).Fork("time and application");
        byte[] writes = new byte[3000];
        Microseconds now = Microseconds.FromSeconds(10);
        long allocatedBefore = 0;
        try
        {
            for (long batch = 0; toe.Frames < frames; batch++)
            {
                Send(toe, mutator, dice);
                now += Pause(dice);
                toe.Deliver(now);
                FuzzedConnection user = toe[dice.Between(0, FuzzedToe.Connections - 1)];
                user.Use(reads: dice.Between(0, 3) != 0, writes.AsSpan(0, dice.Between(0, writes.Length)));
                if (toe.Frames % FramesBetweenMoves < RxBatch.Capacity)
                {
                    user.Move();
                }

                if (toe.Frames < frames / 2)
                {
                    allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
                }
            }
        }
        catch (Exception failure)
        {
            Assert.Fail(
                $"{failure}\nFrame {toe.Frames}. {Replay.Command($"~{GetType().Name}", $"0x{first:X}")}The last batch:\n"
                + string.Join('\n', Enumerable.Range(0, toe.Count).Select(i => Convert.ToHexString(toe.FrameOf(i)))));
        }

        double allocated = (GC.GetAllocatedBytesForCurrentThread() - allocatedBefore) / (frames / 2.0);
        Report(toe, allocated);

        // A move makes an engine: kilobytes, once in tens of thousands of frames.
        Assert.InRange(allocated, 0, 1);

        // The deep ends were reached.
        Assert.All(toe.All.ToArray(), connection =>
        {
            Assert.All(connection.Verdicts, count => Assert.InRange(count, frames / 10_000, frames));
            Assert.InRange(connection.Fragments, 0, frames);
            Assert.True(connection.TooBig > 0 && connection.Malformed > 0 && connection.Tagged > 0);
        });
    }

    private static void Send(FuzzedToe toe, FrameMutator mutator, Dice dice)
    {
        toe.Clear();
        bool isFull = false;
        while (!isFull)
        {
            int number = dice.Between(0, FuzzedToe.Connections - 1);
            int length = mutator.Write(toe.Next, Flows.Of(number), toe[number].Variants);
            isFull = toe.Add(
                length,
                dice.Between(0, 31) == 0 ? ChecksumStatus.Good : ChecksumStatus.Unverified,
                (ushort)(dice.Between(0, 31) == 0 ? dice.Between(0, 1500) : 0));
        }
    }

    private static Microseconds Pause(Dice dice) => new(dice.Between(0, 99) switch
    {
        0 => 200_000,
        1 => 3_000_000,
        < 10 => 10_000,
        _ => dice.Between(0, 500),
    });

    private void Report(FuzzedToe toe, double allocated)
    {
        DispatchCounters c = toe.Counters;
        output.WriteLine($"{toe.Frames} frames, {allocated:f3} bytes allocated for each: {c}");
        foreach (FuzzedConnection each in toe.All)
        {
            output.WriteLine(
                $"consumed {each.Verdicts[0]}, dropped {each.Verdicts[1]}, the host's {each.Verdicts[2]}, malformed {each.Malformed}, "
                + $"tagged {each.Tagged}, fragments {each.Fragments}, too big {each.TooBig}, {each.BufferedBytes} bytes; {each.Variants.State}, una {each.Variants.SndUna}");
        }
    }
}

public sealed class FirstFrameFuzzSpecs(ITestOutputHelper output) : FrameFuzzSpecs(output, 0xF022_0001);

public sealed class SecondFrameFuzzSpecs(ITestOutputHelper output) : FrameFuzzSpecs(output, 0xF022_0002);

public sealed class ThirdFrameFuzzSpecs(ITestOutputHelper output) : FrameFuzzSpecs(output, 0xF022_0003);

public sealed class FourthFrameFuzzSpecs(ITestOutputHelper output) : FrameFuzzSpecs(output, 0xF022_0004);
