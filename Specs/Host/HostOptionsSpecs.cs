using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>An option that cannot be is refused where it is set, with its name and what it may be.</summary>
public class HostOptionsSpecs
{
    public static TheoryData<string, Func<OffloadHostOptions>> Wrong => new()
    {
        { "SendBufferLimit", static () => new OffloadHostOptions { SendBufferLimit = 1 } },
        { "SendBufferLimit", static () => new OffloadHostOptions { SendBufferLimit = int.MaxValue } },
        { "ReceiveBufferLimit", static () => new OffloadHostOptions { ReceiveBufferLimit = -1 } },
        { "BufferMemoryLimit", static () => new OffloadHostOptions { BufferMemoryLimit = 0 } },
        { "ToeCapacity", static () => new OffloadHostOptions { ToeCapacity = 0 } },
        { "ReceiveQueues", static () => new OffloadHostOptions { ReceiveQueues = 65 } },
        { "BusyPoll", static () => new OffloadHostOptions { BusyPoll = TimeSpan.FromSeconds(2) } },
        { "CloseTimeout", static () => new OffloadHostOptions { CloseTimeout = TimeSpan.FromSeconds(-1) } },
        { "KeepAlive", static () => new OffloadHostOptions { KeepAlive = TimeSpan.FromMilliseconds(999) } },
        { "CongestionControl", static () => new OffloadHostOptions { CongestionControl = "vegas" } },
        { "Policy", static () => new OffloadHostOptions { Policy = null! } },
        { "Toes", static () => new OffloadHostOptions { Toes = null! } },
        { "LoggerFactory", static () => new OffloadHostOptions { LoggerFactory = null! } },
        { "ApplicationScheduler", static () => new OffloadHostOptions { ApplicationScheduler = null! } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void It_is_named(string option, Func<OffloadHostOptions> set)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(set);
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bounds_themselves_are_allowed() => _ = new OffloadHostOptions
    {
        SendBufferLimit = 4096,
        ReceiveBufferLimit = 1 << 30,
        BufferMemoryLimit = 65_536,
        ToeCapacity = 1,
        ReceiveQueues = 64,
        BusyPoll = TimeSpan.Zero,
        CloseTimeout = TimeSpan.Zero,
        KeepAlive = TimeSpan.FromSeconds(32_767),
    };
}
