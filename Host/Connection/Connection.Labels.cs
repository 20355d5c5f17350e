namespace TcpActors.HostSide;

/// <content>What the application says of its connection.</content>
public sealed partial class Connection
{
    private ConnectionLabels? _labels;

    /// <summary>
    /// What a policy may go by and a list shows: the role of the connection, the application, the mode of operation. At most 16 texts of 1 to 128
    /// characters. Any thread.
    /// </summary>
    /// <exception cref="ArgumentException">When they are more, longer or empty.</exception>
    public IReadOnlyList<string> Tags
    {
        get => Volatile.Read(ref _labels)?.Tags ?? [];
        set => Labels.Tags = value;
    }

    /// <summary>How much the connection matters beside the others: -100 to 100, 0 unless set. Any thread.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When it is beyond that.</exception>
    public int Priority
    {
        get => Volatile.Read(ref _labels)?.Priority ?? 0;
        set => Labels.Priority = value;
    }

    /// <summary>
    /// Says in which state the application's own protocol is now (<c>greeting</c>, <c>streaming</c>, <c>idle</c>): statistics have the last one and
    /// how often it has changed. Any thread.
    /// </summary>
    /// <param name="state">1 to 128 characters.</param>
    /// <exception cref="ArgumentException">When it is longer or empty.</exception>
    public void ReportState(string state) => Labels.Report(state);

    /// <summary>What was reported last, and how often it changed.</summary>
    internal (string? State, int Changes) UpperState => Volatile.Read(ref _labels)?.Upper ?? default;

    private ConnectionLabels Labels =>
        Volatile.Read(ref _labels) ?? Interlocked.CompareExchange(ref _labels, new ConnectionLabels(), null) ?? _labels!;
}
