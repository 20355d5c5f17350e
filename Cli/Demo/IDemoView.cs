using System.Text.Json;

namespace TcpActors.Cli.Demo;

/// <summary>Where the demo is watched.</summary>
internal interface IDemoView
{
    /// <summary>Something happened.</summary>
    void Tell(string what);

    /// <summary>Shows how the transfer goes on while <paramref name="work"/> lasts.</summary>
    Task WatchAsync(DemoTraffic traffic, long bytesEachWay, Func<Task> work);

    /// <summary>The variables each time the owner changed, and the verdict.</summary>
    void Conclude(IReadOnlyList<JsonElement> reports, DemoVerdict verdict);
}
