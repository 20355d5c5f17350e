using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TcpActors.Cli.Demo;

/// <summary>
/// A process that does not outlive this one. It is started by a thread of its own that waits for its end, because the kernel ties the
/// child's life to the thread that started it (<see cref="Transport.Linux.ParentProcess"/>).
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        var started = new TaskCompletionSource();
        new Thread(() => Live(started)) { IsBackground = true, Name = $"parent of {start.FileName}" }.Start();
        started.Task.GetAwaiter().GetResult();
    }

    public int Id => _process.Id;

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Output => _process.StandardOutput;

    public StreamReader Error => _process.StandardError;

    /// <summary>The exit code, when it has ended.</summary>
    public Task<int> Exited => _exited.Task;

    /// <exception cref="CliException">The program cannot be started.</exception>
    public static ChildProcess Start(ProcessStartInfo start)
    {
        try
        {
            return new ChildProcess(start);
        }
        catch (Win32Exception exception)
        {
            throw new CliException(
                $"Cannot start {start.FileName}, which util-linux has: {Marshal.GetPInvokeErrorMessage(exception.NativeErrorCode)}. "
                + "Install it, or try 'tcpactors demo --in-memory'.",
                exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted)
        {
            _process.Kill();
        }

        await Exited;
        _process.Dispose();
    }

    private void Live(TaskCompletionSource started)
    {
        try
        {
            _process.Start();
            started.SetResult();
        }
        catch (Win32Exception exception)
        {
            started.SetException(exception);
            return;
        }

        _process.WaitForExit();
        _exited.SetResult(_process.ExitCode);
    }
}
