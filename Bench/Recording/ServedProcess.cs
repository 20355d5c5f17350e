using System.Diagnostics;
using System.Net;
using System.Text.Json;
using TcpActors.Bench.Lab;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Recording;

/// <summary>A <c>tcpactors serve</c> in a process of its own, and the commands that ask it, each a process too: what a user would type.</summary>
internal sealed class ServedProcess : IAsyncDisposable
{
    private const string Announcement = "listening on ";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TiedProcess _process;
    private readonly string _control;
    private readonly TaskCompletionSource<IPEndPoint> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServedProcess(TiedProcess process, string application, string control)
    {
        (_process, Application, _control) = (process, application, control);
        process.Process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Process.BeginErrorReadLine();
    }

    /// <summary>What it serves.</summary>
    public string Application { get; }

    /// <summary>Where.</summary>
    public Task<IPEndPoint> EndPoint => _listening.Task.WaitAsync(s_patience);

    /// <param name="where">The namespace it serves in.</param>
    /// <param name="application">As <c>--app</c> has it.</param>
    /// <param name="folder">Gets its control socket.</param>
    /// <param name="options">Further options of <c>serve</c>.</param>
    public static ServedProcess Start(NetworkNamespace where, string application, string folder, params string[] options)
    {
        string control = Path.Combine(folder, $"{application.Split(':')[0]}.sock");
        string[] arguments =
        [
            "--pdeathsig", "KILL", .. Program, "serve", "--listen", $"{Cable.ServerAddress}:0", "--app", application, "--policy", "never", "--control", control,
            .. options,
        ];
        var start = new ProcessStartInfo("setpriv", arguments) { RedirectStandardError = true, UseShellExecute = false };
        return new ServedProcess(new TiedProcess(where, start), application, control);
    }

    /// <summary>The program beside the bench, started as the bench was.</summary>
    private static string[] Program
    {
        get
        {
            string program = Path.Combine(AppContext.BaseDirectory, "tcpactors");
            return Path.GetFileNameWithoutExtension(Environment.ProcessPath!) is "dotnet" ? [Environment.ProcessPath!, $"{program}.dll"] : [program];
        }
    }

    /// <summary>What <c>tcpactors connections --json</c> prints.</summary>
    /// <exception cref="BenchException">It failed; what it said goes to standard error.</exception>
    public async Task<JsonElement> ConnectionsAsync() => JsonSerializer.Deserialize<JsonElement>(await AskAsync("connections", "--json"));

    /// <summary><c>tcpactors offload all</c>.</summary>
    /// <exception cref="BenchException">One was refused.</exception>
    public Task OffloadAsync() => AskAsync("offload", "all");

    /// <summary><c>tcpactors upload all</c>.</summary>
    /// <exception cref="BenchException">One was refused.</exception>
    public Task UploadAsync() => AskAsync("upload", "all");

    public async ValueTask DisposeAsync()
    {
        // In order: its connections end as a server's do.
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Process.Id}"]);
        await kill.WaitForExitAsync();
        await Task.WhenAny(_process.Exited, Task.Run(() => _process.Process.WaitForExit(s_patience)));
        await _process.DisposeAsync();
    }

    private async Task<string> AskAsync(params string[] command)
    {
        string[] line = [.. Program, .. command, "--control", _control];
        using Process process = Process.Start(new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new BenchException($"'tcpactors {string.Join(' ', command)}' of the {Application} server ended with {process.ExitCode}: {output.Trim()}");
    }

    private void Hear(string? line)
    {
        if (line is null)
        {
            _listening.TrySetException(new BenchException($"'tcpactors serve --app {Application}' ended before it listened."));
        }
        else if (line.StartsWith(Announcement, StringComparison.Ordinal))
        {
            _listening.TrySetResult(IPEndPoint.Parse(line[Announcement.Length..]));
        }
    }
}
