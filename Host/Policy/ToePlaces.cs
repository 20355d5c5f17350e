using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>A TOE's places, as the <see cref="OffloadBook"/> has given them away: what it counts itself is of this moment, the TOE's own count of the last sample.</summary>
internal sealed class ToePlaces(ToeStatistics sampled)
{
    private ToeStatistics _sampled = sampled;
    private ToeStatistics? _now;

    public string Name => _sampled.Name;

    /// <summary>How many are taken, those of connections on their way there or back among them.</summary>
    public int Taken
    {
        get;
        set => (field, _now) = (value, null);
    }

    /// <summary>More wanted a place at the last round than there were: until the next one nobody gets one before his betters.</summary>
    public bool IsContended { get; set; }

    public int Free => _sampled.Capacity - Taken;

    /// <summary>The last sample, with the places that are taken now.</summary>
    public ToeStatistics Now => _now ??= _sampled with { Connections = Taken };

    public void See(ToeStatistics sampled) => (_sampled, _now) = (sampled, null);
}
