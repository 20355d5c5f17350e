using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using TcpActors.Cli.Parsing;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>The <c>tcpactors</c> command in a process of its own. It is killed when the spec forgets it.</summary>
internal sealed class DeathChild : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<IPEndPoint> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private DeathChild(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, line) => See(line.Data);
        process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What it has written to standard error.</summary>
    public string Errors => Read(_errors);

    /// <summary>What it has written to standard output.</summary>
    public string Output => Read(_output);

    /// <summary>Starts it in the network namespace of a host, or in the spec's own.</summary>
    /// <param name="host">Where.</param>
    /// <param name="arguments">Of the command.</param>
    /// <param name="before">A command that starts it, such as setpriv.</param>
    /// <param name="marker">An environment variable that it and all its children bear.</param>
    public static DeathChild Start(
        SpecHost? host, IEnumerable<string> arguments, IReadOnlyList<string>? before = null, string? marker = null)
    {
        string dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        string[] line = [.. before ?? [], dotnet, typeof(EndPointText).Assembly.Location, .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        if (marker is not null)
        {
            start.Environment[marker] = "1";
        }

        Process? process = null;
        if (host is null)
        {
            process = Process.Start(start);
        }
        else
        {
            // A child has the namespace of the thread that starts it.
            host.Run(() => process = Process.Start(start));
        }

        return new DeathChild(process!);
    }

    /// <summary>A server that echoes, all of whose connections are offloaded.</summary>
    public static DeathChild Serve(SpecHost host, IPEndPoint at, string control, string app = "echo") => Start(
        host, ["serve", "--listen", at.ToString(), "--app", app, "--policy", "always", "--control", control]);

    /// <summary>Where it listens, when it does.</summary>
    public async Task<IPEndPoint> ListeningAsync()
    {
        try
        {
            return await _listening.Task.WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"it does not listen: {Errors}");
            throw;
        }
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await ExitAsync();
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(s_patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync().WaitAsync(s_patience);
        }

        _process.Dispose();
    }

    private void See(string? line)
    {
        const string announcement = "listening on ";
        if (line is null)
        {
            return;
        }

        Keep(_errors, line);
        if (line.StartsWith(announcement, StringComparison.Ordinal))
        {
            _listening.TrySetResult(IPEndPoint.Parse(line[announcement.Length..]));
        }
    }

    private static void Keep(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
