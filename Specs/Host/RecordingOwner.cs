using TcpActors.HostSide;

namespace TcpActors.Specs.Host;

/// <summary>Counts what the application's face tells its owner.</summary>
internal sealed class RecordingOwner : IConnectionOwner
{
    private int _dataReady;
    private int _windowOpened;

    public int DataReadyCalls => Volatile.Read(ref _dataReady);

    public int WindowOpenedCalls => Volatile.Read(ref _windowOpened);

    public List<Exception?> OutputCompletions { get; } = [];

    public List<Exception?> InputCompletions { get; } = [];

    public Action? OnDataReady { get; init; }

    public Action? OnWindowOpened { get; init; }

    public void DataReady()
    {
        Interlocked.Increment(ref _dataReady);
        OnDataReady?.Invoke();
    }

    public void WindowOpened()
    {
        Interlocked.Increment(ref _windowOpened);
        OnWindowOpened?.Invoke();
    }

    public void OutputCompleted(Exception? error) => OutputCompletions.Add(error);

    public void InputCompleted(Exception? error) => InputCompletions.Add(error);
}
