using System.CommandLine;
using System.CommandLine.Help;

namespace TcpActors.Cli.Commands;

/// <summary>The command with everything under it.</summary>
internal static class TcpActorsCommand
{
    private const string Lesson = """
        Two words are the same everywhere: to offload a connection is to move it from the kernel into an actor of a TOE (TCP offload
        engine); to upload it is to move it back.

        Examples:
          tcpactors demo                                            the main job, in network namespaces of its own; needs no privileges
          tcpactors serve --listen 10.0.0.1:7 --app echo            a server whose connections move; needs CAP_NET_ADMIN and CAP_NET_RAW
          tcpactors connections                                     who owns each of its connections, with every variable
          tcpactors offload all                                     and back: tcpactors upload all

        Exit codes: 0 it worked, 1 it did not, 2 the command line was not understood.
        """;

    public static RootCommand Create()
    {
        var lessons = new Dictionary<Command, string>();
        var root = new RootCommand("Takes live TCP connections from the Linux kernel into actors, runs them there, and gives them back.");
        lessons.Add(root, Lesson);
        root.Add(CommonOptions.LogLevel);
        root.Add(CommonOptions.LogFormat);
        foreach ((Command command, var lesson) in new[]
        {
            DemoCommand.Create(), ServeCommand.Create(), ConnectCommand.Create(), ConnectionsCommand.Create(),
            MoveCommand.Create(toToe: true), MoveCommand.Create(toToe: false),
        })
        {
            root.Add(command);
            lessons.Add(command, lesson);
        }

        (Command policy, var policyLesson) = PolicyCommand.Create();
        (Command replay, var replayLesson) = PolicyCommand.CreateReplay();
        policy.Add(replay);
        root.Add(policy);
        lessons.Add(policy, policyLesson);
        lessons.Add(replay, replayLesson);
        root.Add(DemoPartCommand.Server());
        root.Add(DemoPartCommand.Client());
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((HelpAction)help.Action!, lessons);
        return root;
    }
}
