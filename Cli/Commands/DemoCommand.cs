using System.CommandLine;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Demo;
using TcpActors.Cli.Display;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors demo</c>.</summary>
internal static class DemoCommand
{
    private const string Lesson = """
        What happens: two network namespaces joined by a veth pair; in one of them a server of this program, in the other an ordinary client
        on its own kernel's sockets. They exchange 128 MiB each way. Meanwhile the connection is offloaded, the client's MAC address
        changes, the connection is uploaded in mid-stream and offloaded again; at the end the kernel closes it. Each process digests
        both streams for itself. Exit code 0 only when all that happened and every digest agrees. No namespace is left behind, whatever is killed.

        As root the namespaces are made directly, otherwise inside a user namespace: no privileges are needed where those are allowed.

        Examples:
          tcpactors demo
          tcpactors demo --ipv6 --json > verdict.json
          tcpactors demo --in-memory                       without a kernel stack, on any operating system
          tcpactors demo --log information                 with the events of the connection's life
        """;

    public static (Command Command, string Lesson) Create()
    {
        Option<bool> json = CommonOptions.Json("One JSON object with the verdict on standard output, instead of the table.");
        var ipv6 = new Option<bool>("--ipv6") { Description = "Over IPv6." };
        var inMemory = new Option<bool>("--in-memory")
        {
            Description = "Between two managed hosts in one process, over an in-memory link: without privileges, on any operating system.",
        };
        var command = new Command("demo", "Shows the main job on real traffic: a live kernel connection becomes an actor and goes back.")
        {
            json, ipv6, inMemory,
        };
        command.SetAction(async (parsed, stop) =>
        {
            if (parsed.GetValue(inMemory))
            {
                using ILoggerFactory loggers = LogSetup.Create(parsed, LogLevel.Warning);
                InvocationConfiguration console = parsed.InvocationConfiguration;
                IDemoView view = DemoView.For(console.Output, console.Error, parsed.GetValue(json));
                DemoVerdict verdict = await InMemoryDemo.RunAsync(parsed.GetValue(ipv6), DemoPartCommand.BytesEachWay, view, loggers, stop);
                return verdict.Held ? ExitCode.Ok : ExitCode.Failed;
            }

            if (!OperatingSystem.IsLinux())
            {
                throw new CliException("The demo moves connections of the Linux kernel. Elsewhere try 'tcpactors demo --in-memory'.");
            }

            await OwnNamespace.CheckAsync(stop);
            List<string> args = [DemoPartCommand.ServerName];
            if (parsed.GetValue(json))
            {
                args.Add("--json");
            }

            if (parsed.GetValue(ipv6))
            {
                args.Add("--ipv6");
            }

            args.AddRange(CommonOptions.LogArguments(parsed));
            await using var server = ChildProcess.Start(OwnNamespace.Command([.. args]));
            return await server.Exited.WaitAsync(stop);
        });
        return (command, Lesson);
    }
}
