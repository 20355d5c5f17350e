using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace TcpActors.Bench.Recording;

/// <summary>What a record shows of one variable.</summary>
/// <param name="Variable">Which.</param>
/// <param name="Reports">Reports of a connection that have it, with a value or without one.</param>
/// <param name="Values">Those with a value: not a timer that is off, or a number that is not known yet.</param>
/// <param name="Distinct">Different values among these.</param>
/// <param name="Range">The smallest and the largest number; of words, all.</param>
/// <param name="ChangedIn">Connections that showed at least two different values while a TOE had them; of what changes at the host, at any time.</param>
internal sealed record Sighting(RecordedVariable Variable, int Reports, int Values, int Distinct, string Range, int ChangedIn)
{
    /// <summary>Whether it is visible and changes: within a connection, as two connections differ anyway.</summary>
    public bool IsChanging => ChangedIn > 0;
}

/// <summary>Goes through the reports of a record and remembers what one variable was in each.</summary>
internal sealed class Sightings(RecordedVariable variable)
{
    private const int WordsShown = 6;

    private readonly Dictionary<string, HashSet<string>> _byConnection = new(StringComparer.Ordinal);
    private readonly HashSet<string> _distinct = new(StringComparer.Ordinal);
    private readonly SortedSet<decimal> _numbers = [];
    private int _reports;
    private int _values;

    public Sighting Seen => new(variable, _reports, _values, _distinct.Count, Range, _byConnection.Values.Count(values => values.Count > 1));

    private string Range => _numbers.Count > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{_numbers.Min} to {_numbers.Max}")
        : string.Join(", ", _distinct.Take(WordsShown));

    /// <param name="connection">What sets the connection apart from all others of the record.</param>
    /// <param name="report">One element of what <c>tcpactors connections --json</c> prints.</param>
    public void Add(string connection, JsonElement report)
    {
        bool counts = variable.ChangesAtHost || report.GetProperty("owner").GetString() is not ("kernel" or "moving");
        foreach (string name in variable.Path)
        {
            if (report.ValueKind == JsonValueKind.Null)
            {
                // A set that is not known before the first offload.
                break;
            }

            if (!report.TryGetProperty(name, out report))
            {
                return;
            }
        }

        _reports++;
        if (report.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        string value = report.ToString();
        _values++;
        _distinct.Add(value);
        if (report.ValueKind == JsonValueKind.Number)
        {
            _numbers.Add(report.GetDecimal());
        }

        if (counts)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_byConnection, connection, out _) ??= new HashSet<string>(StringComparer.Ordinal);
            _byConnection[connection].Add(value);
        }
    }
}
