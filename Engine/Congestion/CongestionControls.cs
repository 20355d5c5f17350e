using System.Collections.Concurrent;

namespace TcpActors.Engine.Congestion;

/// <summary>The algorithms by their names (as in Linux's <c>tcp_available_congestion_control</c>). Anybody may add his own.</summary>
public static class CongestionControls
{
    private static readonly ConcurrentDictionary<string, ICongestionControl> Known = new(StringComparer.Ordinal);

    static CongestionControls()
    {
        Add(new NewReno());
        Add(new Cubic());
        Add(new Bbr());
    }

    /// <summary>The names that can be asked for, sorted.</summary>
    public static IEnumerable<string> Names => Known.Keys.Order(StringComparer.Ordinal);

    /// <summary>Makes an algorithm known to every connection of the process that is taken, or updated, from now on.</summary>
    /// <exception cref="ArgumentException">When its name is empty, is not lower case, or is taken.</exception>
    public static void Add(ICongestionControl algorithm)
    {
        ArgumentNullException.ThrowIfNull(algorithm);
        string name = algorithm.Name;
        if (string.IsNullOrWhiteSpace(name) || name.Any(letter => char.IsUpper(letter) || char.IsWhiteSpace(letter)))
        {
            throw new ArgumentException($"'{name}' is no name for a congestion control: it has to be lower case, without spaces.", nameof(algorithm));
        }

        if (!Known.TryAdd(name, algorithm))
        {
            throw new ArgumentException($"There is a congestion control named '{name}' already.", nameof(algorithm));
        }
    }

    /// <summary>Whether there is an algorithm of that name.</summary>
    public static bool Has(string name) => Known.ContainsKey(name);

    /// <exception cref="ArgumentException">When there is no algorithm of that name.</exception>
    internal static ICongestionControl Named(string name) => Known.TryGetValue(name, out ICongestionControl? algorithm)
        ? algorithm
        : throw new ArgumentException($"There is no congestion control named '{name}'. There are: {string.Join(", ", Names)}.", nameof(name));
}
