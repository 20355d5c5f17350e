namespace TcpActors.HostSide;

/// <summary>What an application says of its connection, for policies and lists. Made when it says something. Any thread.</summary>
internal sealed class ConnectionLabels
{
    public const int MostTags = 16;
    public const int LongestText = 128;
    public const int MostPriority = 100;

    private readonly Lock _lock = new();
    private string? _upper;
    private int _upperChanges;
    private IReadOnlyList<string> _tags = [];
    private int _priority;

    public IReadOnlyList<string> Tags
    {
        get => Volatile.Read(ref _tags);
        set
        {
            ArgumentNullException.ThrowIfNull(value);

            // A copy: the application may go on with its own.
            string[] tags = [.. value];
            if (tags.Length > MostTags || Array.Exists(tags, tag => string.IsNullOrEmpty(tag) || tag.Length > LongestText))
            {
                throw new ArgumentException(
                    $"Tags are at most {MostTags} texts of 1 to {LongestText} characters.", nameof(value));
            }

            Volatile.Write(ref _tags, Array.AsReadOnly(tags));
        }
    }

    public int Priority
    {
        get => Volatile.Read(ref _priority);
        set => Volatile.Write(ref _priority, OptionValue.Within(value, -MostPriority, MostPriority));
    }

    /// <summary>The last state of the protocol above, and how often it has changed.</summary>
    public (string? State, int Changes) Upper
    {
        get
        {
            lock (_lock)
            {
                return (_upper, _upperChanges);
            }
        }
    }

    public void Report(string state)
    {
        ArgumentException.ThrowIfNullOrEmpty(state);
        if (state.Length > LongestText)
        {
            throw new ArgumentException($"A state has at most {LongestText} characters.", nameof(state));
        }

        lock (_lock)
        {
            if (!string.Equals(_upper, state, StringComparison.Ordinal))
            {
                (_upper, _upperChanges) = (state, _upperChanges + 1);
            }
        }
    }
}
