using System.Diagnostics;
using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Peers;

/// <summary>
/// Another program measured beside the contenders. It is run twice at each round, once at either end of a cable of its own, and its client
/// says the row's first figure.
/// </summary>
internal abstract class Peer
{
    private const int Port = 5201;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public abstract string Name { get; }

    /// <summary>Whether it has something to say to a row.</summary>
    public abstract bool Takes(Row row);

    /// <summary>The shell command for one end.</summary>
    /// <param name="words">What is known of the run: role, address, port and so on.</param>
    protected abstract string Command(IReadOnlyDictionary<string, string> words);

    /// <summary>Reads the figure from what the client wrote; null when it is not there.</summary>
    protected abstract double? Read(string output);

    /// <summary>One run.</summary>
    /// <exception cref="BenchException">It failed, or said nothing that is a figure.</exception>
    public async Task<Figures> RunAsync(Row row, Cable cable, double seconds)
    {
        var words = new Dictionary<string, string>(row.PeerWords, StringComparer.Ordinal)
        {
            ["row"] = row.Name,
            ["address"] = Cable.ServerAddress.ToString(),
            ["spare"] = Cable.SpareAddress.ToString(),
            ["port"] = Port.ToString(CultureInfo.InvariantCulture),
            ["seconds"] = seconds.ToString(CultureInfo.InvariantCulture),
        };
        await using TiedProcess server = Start(cable.Server, words, "server", Cable.ServerInterface);

        // A server that says something is ready then; one that says nothing gets half a second.
        Task<string?> first = server.Process.StandardOutput.ReadLineAsync();
        await Task.WhenAny(first, Wait(TimeSpan.FromSeconds(0.5)));
        await using TiedProcess client = Start(cable.Load, words, "client", Cable.LoadInterface);
        Task<string> reading = client.Process.StandardOutput.ReadToEndAsync();
        try
        {
            await client.Exited.WaitAsync(s_patience + TimeSpan.FromSeconds(seconds));
        }
        catch (TimeoutException late)
        {
            throw new BenchException($"{Name}: the client did not end.", late);
        }

        string output = await reading;
        if (client.Process.ExitCode != 0)
        {
            throw new BenchException($"{Name}: the client ended with {client.Process.ExitCode}: {output.Trim()}");
        }

        double figure = Read(output) ?? throw new BenchException($"{Name}: the client's last line is not a figure: {output.Trim()}");
        return new Figures { [row.Measures[0].Name] = figure };
    }

    // In a process namespace of its own: whatever the command starts ends with it, and it ends with us.
    private TiedProcess Start(NetworkNamespace where, Dictionary<string, string> words, string role, string device)
    {
        words["role"] = role;
        words["interface"] = device;
        string[] arguments = ["--pdeathsig", "KILL", "unshare", "--fork", "--pid", "--kill-child=KILL", "sh", "-c", Command(words)];
        return new TiedProcess(where, new ProcessStartInfo("setpriv", arguments)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        });
    }

    private static Task Wait(TimeSpan time)
    {
        var done = new TaskCompletionSource();
        var timer = TimeProvider.System.CreateTimer(_ => done.TrySetResult(), null, time, Timeout.InfiniteTimeSpan);
        return done.Task.ContinueWith(_ => timer.Dispose(), TaskScheduler.Default);
    }
}
