using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>
/// This program once more, inside a network namespace: it reads orders and writes answers, one JSON line each, and does not outlive this
/// process.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly TiedProcess _process;

    private ChildProcess(TiedProcess process) => _process = process;

    public int Id => _process.Process.Id;

    public static ChildProcess Start(NetworkNamespace where)
    {
        string self = Environment.ProcessPath!;
        string[] own = Path.GetFileNameWithoutExtension(self) is "dotnet" ? [typeof(ChildProcess).Assembly.Location] : [];
        var start = new ProcessStartInfo(self, [.. own, ChildLoop.Verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };

        // A killed runtime leaves its diagnostic socket and pipe behind: these have none, unless somebody wants to look inside.
        start.Environment.TryAdd("DOTNET_EnableDiagnostics", "0");
        return new ChildProcess(new TiedProcess(where, start));
    }

    /// <exception cref="BenchException">It failed, or ended; the message is its own.</exception>
    public async Task<T> AskAsync<T>(ChildOrder order)
    {
        StreamWriter input = _process.Process.StandardInput;
        await input.WriteLineAsync(JsonSerializer.Serialize(order));
        await input.FlushAsync();
        if (await _process.Process.StandardOutput.ReadLineAsync() is not { } line)
        {
            // Above 128: by that signal.
            await _process.Exited;
            throw new BenchException(
                $"A process of the bench ended in the middle of its work, with {_process.Process.ExitCode}; what it said is above.");
        }

        ChildAnswer answer = JsonSerializer.Deserialize<ChildAnswer>(line)!;
        return answer.Error is null ? answer.Value.Deserialize<T>()! : throw new BenchException(answer.Error);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
