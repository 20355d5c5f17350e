using System.Diagnostics;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>
/// A process in a network namespace, started by a thread of its own that waits for its end: the kernel ties a child that asks for it
/// (<see cref="ParentProcess"/>, setpriv(1)) to the life of the thread that started it.
/// </summary>
internal sealed class TiedProcess : IAsyncDisposable
{
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public TiedProcess(NetworkNamespace where, ProcessStartInfo start)
    {
        Process = new Process { StartInfo = start };
        var started = new TaskCompletionSource();
        new Thread(() => Live(where, started)) { IsBackground = true, Name = "parent of a child" }.Start();
        started.Task.GetAwaiter().GetResult();
    }

    public Process Process { get; }

    /// <summary>Completes when it has ended.</summary>
    public Task Exited => _exited.Task;

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted)
        {
            Process.Kill();
        }

        await Exited;
        Process.Dispose();
    }

    private void Live(NetworkNamespace where, TaskCompletionSource started)
    {
        try
        {
            where.Run(() =>
            {
                Process.Start();
                started.SetResult();
                Process.WaitForExit();
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
