using System.CommandLine;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Control;
using TcpActors.Cli.Parsing;
using TcpActors.Cli.Serving;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors serve</c>.</summary>
internal static class ServeCommand
{
    private static readonly string Lesson = $"""
        Applications: echo (what comes goes back), discard (what comes is thrown away), chargen[:BYTES] (an endless stream, or one of that
        length), http:DIR (the files under DIR, with ranges; a directory is its index.html, never a list). After the client's FIN each
        finishes what it has to say before its own FIN.

        Without --toe there is a TOE on each interface that carries an address listened on. Connections over loopback stay in the kernel.
        The default policy is {CommonOptions.DefaultPolicy}: a connection is offloaded once what that can be expected to save repays the moves,
        because a short one is cheaper left alone, and uploaded when it has been idle for long or its place is needed for a better one. No
        policy moves a connection twice within 10 s. What was moved by hand ('tcpactors upload', 'tcpactors offload') stays there.
        --record writes what the policy is told; 'tcpactors policy replay' tries other policies on it.
        The default control socket is {ControlPath.Default}

        It needs CAP_NET_ADMIN and CAP_NET_RAW in its network namespace (CAP_BPF too, to steer by eBPF): run it as root, or in a
        namespace of your own (unshare -Urn). SIGINT and SIGTERM stop it: connections are uploaded, and the kernel closes them in order.

        Examples:
          tcpactors serve --listen 10.0.0.1:7 --app echo
          tcpactors serve --listen [::]:80 --app http:/srv/www --policy always      both families
          tcpactors serve --listen 10.0.0.1:19 --app chargen:1000000 --toe front=eth0 --pcap toe.pcapng --control /run/front.sock
        """;

    public static (Command Command, string Lesson) Create()
    {
        var listen = new Option<IPEndPoint[]>("--listen")
        {
            Description = "The address and port to listen on: 10.0.0.1:80 or [fd00::1]:80; port 0 takes a free one. May be given several "
                + "times.",
            HelpName = "ADDR:PORT",
            Required = true,
            AllowMultipleArgumentsPerToken = false,
            CustomParser = static result => Words.ParseEach(result, EndPointText.Parse),
        };
        var app = new Option<AppChoice>("--app")
        {
            Description = "What it serves: echo, discard, chargen[:BYTES] or http:DIR.",
            HelpName = "APP",
            Required = true,
            CustomParser = static result => Words.Parse(result, AppChoice.Parse),
        };
        var toe = new Option<ToeOptions[]>("--toe")
        {
            Description = "A TOE on this interface, under this name. May be given several times.",
            HelpName = "[NAME=]INTERFACE",
            CustomParser = static result => Words.ParseEach(result, ToeChoice.Parse),
        };
        var pcap = new Option<string?>("--pcap")
        {
            Description = "Writes what the TOEs send and receive to this file (pcapng).",
            HelpName = "FILE",
            CustomParser = static result => Words.Parse(result, text => OutputFile(text, "--pcap")),
        };
        var record = new Option<string?>("--record")
        {
            Description = "Records the statistics that policies go by in this file, for 'tcpactors policy replay': about 300 bytes a second for each "
                + "connection that moves bytes, 256 MiB at most.",
            HelpName = "TRACE",
            CustomParser = static result => Words.Parse(result, text => OutputFile(text, "--record")),
        };
        var keepAlive = new Option<int?>("--keep-alive")
        {
            Description = "Asks a peer that has been silent for so long whether it is there.",
            HelpName = "SECONDS",
            CustomParser = static result => Words.Parse<int?>(result, ParseSeconds),
        };
        Option<IOffloadPolicy?> policy = CommonOptions.Policy();
        Option<string> control = CommonOptions.Control();
        var command = new Command("serve", "Serves an application; its connections move between the kernel and TOEs while it talks.")
        {
            listen, app, policy, toe, control, pcap, record, keepAlive,
        };
        command.SetAction(async (parsed, stop) =>
        {
            using ILoggerFactory loggers = LogSetup.Create(parsed);
            var host = new OffloadHostOptions
            {
                Policy = CommonOptions.PolicyOf(parsed, policy),
                Toes = parsed.GetValue(toe) ?? [],
                CaptureFile = parsed.GetValue(pcap),
                RecordFile = parsed.GetValue(record),
                KeepAlive = parsed.GetValue(keepAlive) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                LoggerFactory = loggers,
            };
            var settings = new ServeSettings(
                parsed.GetRequiredValue(listen), parsed.GetRequiredValue(app), host, parsed.GetRequiredValue(control));
            try
            {
                await Server.RunAsync(settings, loggers, parsed.InvocationConfiguration.Error, stop);
            }
            catch (Exception exception)
                when ((host.CaptureFile ?? host.RecordFile) is not null && exception is UnauthorizedAccessException or FileNotFoundException)
            {
                var option = host.CaptureFile is null ? "--record" : host.RecordFile is null ? "--pcap" : "--pcap or --record";
                throw new CliException($"{option}: {exception.Message} Name a file that you may write.", exception);
            }

            return ExitCode.Ok;
        });
        return (command, Lesson);
    }

    private static int? ParseSeconds(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= short.MaxValue
            ? seconds
            : throw new FormatException($"'{text}' of --keep-alive is not a number of seconds from 1 to {short.MaxValue}.");

    private static string OutputFile(string text, string option) => Directory.Exists(text)
        ? throw new FormatException($"'{text}' of {option} is a directory: name a file.")
        : Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(text)))
            ? text
            : throw new FormatException($"There is no directory for '{text}' of {option}: name a file in one that exists.");
}
