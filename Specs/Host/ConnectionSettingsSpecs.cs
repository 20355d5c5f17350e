using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Settings say what they are to be, and leave alone what they do not name.</summary>
public sealed class ConnectionSettingsSpecs
{
    private static readonly SegmentInvariants s_segment = new()
    {
        Neighbor = new Neighbor { Mac = default },
        Path = new NetworkPath { Mtu = 1500 },
        EffectiveMss = 1448,
        NagleEnabled = false,
        KeepAliveEnabled = true,
        UserTimeout = Microseconds.FromSeconds(5),
        MaxPacingRate = 1000,
    };

    public static TheoryData<string, Func<ConnectionSettings>> Wrong => new()
    {
        { "KeepAliveTime", static () => new ConnectionSettings { KeepAliveTime = TimeSpan.Zero } },
        { "KeepAliveTime", static () => new ConnectionSettings { KeepAliveTime = TimeSpan.FromSeconds(1.5) } },
        { "KeepAliveInterval", static () => new ConnectionSettings { KeepAliveInterval = TimeSpan.FromSeconds(32_768) } },
        { "KeepAliveProbes", static () => new ConnectionSettings { KeepAliveProbes = 128 } },
        { "UserTimeout", static () => new ConnectionSettings { UserTimeout = TimeSpan.FromMilliseconds(-1) } },
        { "Ttl", static () => new ConnectionSettings { Ttl = 0 } },
        { "MaxPacingRate", static () => new ConnectionSettings { MaxPacingRate = -1 } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_be_is_named(string setting, Func<ConnectionSettings> set)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(set);
        Assert.Contains(setting, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_named_stays() => Assert.Equal(s_segment, new ConnectionSettings().Over(s_segment));

    [Fact]
    public void Everything_that_is_named_is_taken()
    {
        var settings = new ConnectionSettings
        {
            NoDelay = false,
            KeepAlive = false,
            KeepAliveTime = TimeSpan.FromSeconds(3),
            KeepAliveInterval = TimeSpan.FromSeconds(4),
            KeepAliveProbes = 5,
            UserTimeout = TimeSpan.Zero,
            Ttl = 6,
            TypeOfService = 0xff,
            MaxPacingRate = 7,
        };

        Assert.Equal(
            s_segment with
            {
                NagleEnabled = true,
                KeepAliveEnabled = false,
                KeepAliveTime = Microseconds.FromSeconds(3),
                KeepAliveInterval = Microseconds.FromSeconds(4),
                KeepAliveMaxProbes = 5,
                UserTimeout = Microseconds.Never,
                Ttl = 6,

                // RFC 3168 5: the other two bits are ECN's.
                Tos = 0xfc,
                MaxPacingRate = 7,
            },
            settings.Over(s_segment));
    }
}
