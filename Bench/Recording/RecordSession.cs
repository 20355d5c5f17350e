using System.Diagnostics;
using System.Text.Json;
using TcpActors.Bench.Lab;
using TcpActors.Engine.Wire;

namespace TcpActors.Bench.Recording;

/// <summary>
/// Servers in one namespace, their peers in another, a lossy cable between them, and everything that is to happen while the list of connections is asked
/// for again and again.
/// </summary>
internal sealed class RecordSession : IAsyncDisposable
{
    /// <summary>One segment of so many is lost, each way.</summary>
    private const uint LostOneOf = 500;

    // µs. A segment of the slow talk is acknowledged by the delayed ACK (40 ms), which so runs about half of the time.
    private const double SlowTalk = 60_000;
    private const double Requests = 20_000;
    private const double Blocks = 5_000;

    // The PUSH timer (5 ms) runs while segments without PSH come for an application that is busy.
    private const double Unpushed = 8_000;
    private const int UnpushedSegments = 150;

    // More than a narrow peer takes, less than an application may write ahead.
    private const int Unread = 1 << 20;

    private static readonly MacAddress s_otherMac = MacAddress.Parse("02:00:00:00:09:09");
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly Cable _cable = new(new CableOptions { CongestionControl = "cubic", LostToServer = LostOneOf, LostToLoad = LostOneOf });
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tcpactors-record-");
    private readonly List<Talk> _talks = [];
    private readonly Action<RecordLine> _write;
    private readonly ServedProcess _echo;
    private readonly ServedProcess _discard;
    private readonly ServedProcess _chargen;
    private readonly long _began = Stopwatch.GetTimestamp();
    private string _during = "";

    /// <param name="write">Gets every line.</param>
    public RecordSession(Action<RecordLine> write)
    {
        _write = write;
        string[] options = ["--keep-alive", "600", "--log", "warning"];
        _echo = ServedProcess.Start(_cable.Server, "echo", _folder.FullName, options);
        _discard = ServedProcess.Start(_cable.Server, "discard", _folder.FullName, options);
        _chargen = ServedProcess.Start(_cable.Server, "chargen:20000000", _folder.FullName, options);
    }

    /// <param name="samples">In each phase this number, or a share of it.</param>
    /// <exception cref="BenchException">A peer got other bytes than it sent, a move was refused, or a connection does not come to its end.</exception>
    public async Task RunAsync(int samples)
    {
        (await ConnectAsync(_echo, isNarrow: true)).Stalls(Unpushed, UnpushedSegments);
        (await ConnectAsync(_echo)).Streams(Blocks).Reads();
        (await ConnectAsync(_echo)).Asks(Requests);
        (await ConnectAsync(_discard)).Streams(Blocks);
        (await ConnectAsync(_discard)).Drips(SlowTalk);

        await SampleAsync("in the kernel", samples / 4);
        await OffloadAsync();
        await SampleAsync("on a TOE", samples);
        _cable.ChangeLoadMac(s_otherMac);
        await SampleAsync("behind a next hop with another MAC address", samples / 4);
        await OutageAsync(samples / 4);
        for (int i = 0; i < samples / 4; i++)
        {
            await Task.WhenAll(_echo.UploadAsync(), _discard.UploadAsync());
            await SampleAsync("to the kernel and back", 1);
            await OffloadAsync();
            await SampleAsync("to the kernel and back", 1);
        }

        await EndAsync();
        _talks.ForEach(talk => talk.Check());
    }

    public async ValueTask DisposeAsync()
    {
        _talks.ForEach(talk => talk.Dispose());
        await _echo.DisposeAsync();
        await _discard.DisposeAsync();
        await _chargen.DisposeAsync();
        _cable.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<Talk> ConnectAsync(ServedProcess server, bool isNarrow = false)
    {
        var talk = Talk.Connect(_cable.Load, await server.EndPoint, isNarrow);
        _talks.Add(talk);
        return talk;
    }

    private Task OffloadAsync() => Task.WhenAll(_echo.OffloadAsync(), _discard.OffloadAsync());

    /// <summary>Nothing gets through any more, and then everything again.</summary>
    private async Task OutageAsync(int samples)
    {
        using (_cable.Load.Run(() => RandomLoss.At(Cable.LoadInterface, oneOf: 1)))
        {
            await SampleAsync("while all that it sends is lost", samples);
        }

        await SampleAsync("after that", samples);
    }

    /// <summary>A TOE has a connection only while it is ESTABLISHED: what comes behind is its host's.</summary>
    private async Task EndAsync()
    {
        // The server has said all it has to say, and hears no FIN.
        Talk listening = await ConnectAsync(_chargen, isNarrow: true);
        await LookUntilAsync(_chargen, "Established", "before the server's FIN");
        await _chargen.OffloadAsync();
        await LookUntilAsync(_chargen, "Established", "before the server's FIN");
        listening.Listens();
        await LookUntilAsync(_chargen, "FinWait2", "after it");

        // The peer has, and the echo is not done while nobody reads it.
        Talk speaking = await ConnectAsync(_echo, isNarrow: true);
        speaking.Write(Unread);
        await OffloadAsync();
        await LookUntilAsync(_echo, "Established", "before the peer's FIN");
        speaking.EndWriting();
        await LookUntilAsync(_echo, "CloseWait", "after it");
    }

    private async Task SampleAsync(string during, int times)
    {
        Tell(during);
        for (int i = 0; i < times; i++)
        {
            await LookAsync(_echo);
            await LookAsync(_discard);
        }
    }

    private async Task LookUntilAsync(ServedProcess server, string state, string during)
    {
        Tell(during);
        long began = Stopwatch.GetTimestamp();
        while (!(await LookAsync(server)).EnumerateArray().Any(each => each.GetProperty("variants").GetProperty("state").ValueEquals(state)))
        {
            if (Stopwatch.GetElapsedTime(began) > s_patience)
            {
                throw new BenchException($"No connection comes to {state}.");
            }
        }
    }

    private void Tell(string during)
    {
        if (!string.Equals(_during, during, StringComparison.Ordinal))
        {
            _during = during;
            Console.Error.WriteLine($"{Stopwatch.GetElapsedTime(_began).TotalSeconds,5:F1} s  {during}");
        }
    }

    private async Task<JsonElement> LookAsync(ServedProcess server)
    {
        JsonElement connections = await server.ConnectionsAsync();
        _write(new RecordLine(Math.Round(Stopwatch.GetElapsedTime(_began).TotalSeconds, 3), _during, server.Application, connections));
        return connections;
    }
}
