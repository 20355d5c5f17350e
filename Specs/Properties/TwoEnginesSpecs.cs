using Xunit;

namespace TcpActors.Specs.Properties;

/// <summary>Two engines over a path on which anything may happen; README.md says what holds.</summary>
public class TwoEnginesSpecs
{
    [Fact]
    public void Whatever_happens_both_streams_arrive_soon_after_the_network_behaves() =>
        Property.Holds(Schedules.Any, seed: 0x5EED_A001, count: 8000, ScheduleRun.Play);

    [Fact]
    public void Owners_that_change_all_the_time_keep_the_stream() =>
        Property.Holds(Schedules.Restless, seed: 0x5EED_A002, count: 5000, ScheduleRun.Play);

    [Fact]
    public void Neither_data_nor_a_FIN_stalls_behind_a_small_or_closed_window() =>
        Property.Holds(Schedules.Narrow, seed: 0x5EED_A003, count: 6000, ScheduleRun.Play);
}
