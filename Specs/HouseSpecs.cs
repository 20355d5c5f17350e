using System.Reflection;
using TcpActors.Actors;
using TcpActors.Engine;
using TcpActors.HostSide;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs;

/// <summary>The order of the house: dependencies run one way, and the engine is pure.</summary>
public sealed class HouseSpecs
{
    private static readonly string[] Order =
        ["TcpActors.Engine", "TcpActors.Transport", "TcpActors.Actors", "TcpActors.Host", "TcpActors.Kestrel", "tcpactors"];

    [Theory]
    [InlineData("TcpActors.Engine")]
    [InlineData("TcpActors.Transport")]
    [InlineData("TcpActors.Actors")]
    [InlineData("TcpActors.Host")]
    [InlineData("TcpActors.Kestrel")]
    public void A_project_knows_only_those_below_it(string name)
    {
        int own = Array.IndexOf(Order, name);
        IEnumerable<string> known = Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!);

        Assert.DoesNotContain(known, reference => Array.IndexOf(Order, reference) >= own);
    }

    [Fact]
    public void Transport_does_not_know_Akka()
    {
        Assert.DoesNotContain(References(typeof(ILink)), name => name.StartsWith("Akka", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_Kestrel_and_the_command_need_ASPNET()
    {
        foreach (Type type in new[] { typeof(TcpEngine), typeof(ILink), typeof(OffloadEngine), typeof(OffloadHost) })
        {
            Assert.DoesNotContain(References(type), name => name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_engine_has_no_IO_no_thread_no_clock_and_no_log()
    {
        string[] impure =
        [
            "System.Net.Sockets", "System.IO.FileSystem", "System.Threading.Thread", "System.Threading.Timer", "System.Threading.Channels",
            "System.Threading.Tasks.Parallel", "System.Console", "Microsoft.Extensions.Logging.Abstractions", "System.Diagnostics.Process",
        ];

        Assert.Empty(References(typeof(TcpEngine)).Intersect(impure, StringComparer.Ordinal));
    }

    private static IEnumerable<string> References(Type type) =>
        type.Assembly.GetReferencedAssemblies().Select(reference => reference.Name!);
}
