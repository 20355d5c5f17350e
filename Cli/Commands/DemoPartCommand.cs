using System.CommandLine;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Demo;
using TcpActors.Cli.Display;

namespace TcpActors.Cli.Commands;

/// <summary>The processes of the demo inside its namespaces. Not for people: the demo starts them.</summary>
internal static class DemoPartCommand
{
    public const string ServerName = "demo-server";
    public const string ClientName = "demo-client";
    public const long BytesEachWay = 128L << 20;

    public static Command Server()
    {
        Option<int> parent = Parent();
        var json = new Option<bool>("--json");
        var ipv6 = new Option<bool>("--ipv6");
        var command = new Command(ServerName) { parent, json, ipv6 };
        command.Hidden = true;
        command.SetAction(async (parsed, stop) =>
        {
            OwnNamespace.DieWithParent(parsed.GetValue(parent));
            using ILoggerFactory loggers = LogSetup.Create(parsed, LogLevel.Warning);
            InvocationConfiguration console = parsed.InvocationConfiguration;
            IDemoView view = DemoView.For(console.Output, console.Error, parsed.GetValue(json));
            DemoVerdict verdict = await DemoServer.RunAsync(parsed.GetValue(ipv6), BytesEachWay, view, loggers, stop);
            return verdict.Held ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    public static Command Client()
    {
        Option<int> parent = Parent();
        var command = new Command(ClientName) { parent };
        command.Hidden = true;
        command.SetAction(async (parsed, stop) =>
        {
            OwnNamespace.DieWithParent(parsed.GetValue(parent));
            await new DemoClient(Console.In, parsed.InvocationConfiguration.Output).RunAsync(stop);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Option<int> Parent() => new("--parent") { Required = true };
}
