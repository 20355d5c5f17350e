using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>
/// This program once more, inside a network namespace: it reads orders and writes answers, one JSON line each, and does not outlive this
/// process. It is started by a thread of its own that waits for its end, because the kernel ties the child's life to the thread that
/// started it (<see cref="ParentProcess"/>).
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(NetworkNamespace where, ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        var started = new TaskCompletionSource();
        new Thread(() => Live(where, started)) { IsBackground = true, Name = "parent of a child" }.Start();
        started.Task.GetAwaiter().GetResult();
    }

    public int Id => _process.Id;

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
        return new ChildProcess(where, start);
    }

    /// <exception cref="BenchException">It failed, or ended; the message is its own.</exception>
    public async Task<T> AskAsync<T>(ChildOrder order)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(order));
        await _process.StandardInput.FlushAsync();
        string line = await _process.StandardOutput.ReadLineAsync()
            ?? throw new BenchException("A process of the bench ended in the middle of its work; what it said is above.");
        ChildAnswer answer = JsonSerializer.Deserialize<ChildAnswer>(line)!;
        return answer.Error is null ? answer.Value.Deserialize<T>()! : throw new BenchException(answer.Error);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_exited.Task.IsCompleted)
        {
            _process.Kill();
        }

        await _exited.Task;
        _process.Dispose();
    }

    private void Live(NetworkNamespace where, TaskCompletionSource started)
    {
        try
        {
            where.Run(() =>
            {
                _process.Start();
                started.SetResult();
                _process.WaitForExit();
            });
        }
#pragma warning disable CA1031 // Told to whoever waits for the start; after that nothing here throws.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            started.TrySetException(failure);
        }

        _exited.SetResult();
    }
}
