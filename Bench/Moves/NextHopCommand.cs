using System.CommandLine;
using System.Globalization;

namespace TcpActors.Bench.Moves;

/// <summary>The bench's command that has the next hop of many offloaded connections change its MAC address.</summary>
internal static class NextHopCommand
{
    public static Command Create()
    {
        var connections = new Option<int>("--connections")
        {
            Description = "Offloaded connections behind the one next hop, all of which send.",
            DefaultValueFactory = _ => 10_000,
            HelpName = "N",
        };
        var create = new Command("next-hop", "The next hop's MAC address changes: when the last frame carries the old one. Needs tcpdump.") { connections };
        create.SetAction(async parsed =>
        {
            int wanted = parsed.GetValue(connections);
            NextHopChange change = await NextHopBench.RunAsync(wanted);
            await Console.Out.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{change.Connections} of {wanted} connections sent to the new address; {change.Updates} update for all; "
                + $"first frame after {change.FirstNew:F2} ms, last frame to the old address after {change.LastOld:F2} ms"));
            return change.Connections == wanted ? 0 : 1;
        });
        return create;
    }
}
