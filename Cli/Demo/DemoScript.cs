using System.Diagnostics;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;

namespace TcpActors.Cli.Demo;

/// <summary>
/// What happens to the connection while the bytes run: offload, MAC change, upload, offload, close. Each step is waited for by what the
/// host reports, and the streams may not run past the next step's place meanwhile.
/// </summary>
internal sealed class DemoScript(DemoStage stage, IDemoView view, long bytesEachWay) : IDisposable
{
    private static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StallDeadline = TimeSpan.FromSeconds(60);
    private readonly Connection _connection = stage.Connection;
    private readonly DemoTraffic _traffic = new(stage.Connection, bytesEachWay, seed: 1);
    private readonly List<JsonElement> _reports = [];
    private readonly List<string> _owners = [];
    private readonly List<string> _failures = [];
    private readonly Stopwatch _time = new();
    private EndDigest? _server;
    private EndDigest? _client;
    private int _offloads;
    private int _uploads;

    /// <summary>Each time the owner changed: every variable.</summary>
    public IReadOnlyList<JsonElement> Reports => _reports;

    public void Dispose() => _traffic.Dispose();

    public async Task<DemoVerdict> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await view.WatchAsync(_traffic, bytesEachWay, () => TransferAsync(cancellationToken));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _failures.Add(exception.Message);
            _connection.Abort();
        }

        return Judge();
    }

    private async Task TransferAsync(CancellationToken cancellationToken)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _time.Start();
        Task<StreamDigest> sent = _traffic.SendAsync(broken.Token);
        Task<StreamDigest> received = _traffic.ReceiveAsync(broken.Token);
        Task steps = StepsAsync(broken.Token);
        Task<EndDigest> finished = stage.Peer.FinishAsync(broken.Token);
        var all = new List<Task> { sent, received, steps, finished };
        try
        {
            // The client finishes last; it is watched here because it may break off.
            while (all.Exists(task => task != finished))
            {
                Task ended = await Task.WhenAny(all);
                all.Remove(ended);
                await ended;
            }
        }
        catch
        {
            await broken.CancelAsync();
            throw;
        }

        _time.Stop();
        _server = new EndDigest(await sent, await received);
        await CloseAsync(finished, cancellationToken);
    }

    private async Task StepsAsync(CancellationToken cancellationToken)
    {
        view.Tell($"the {stage.Stack} stacks shook hands: {_connection.RemoteEndPoint} is connected to {_connection.LocalEndPoint}");
        await NoteOwnerAsync();
        var eighth = bytesEachWay / 8;
        await AtAsync(eighth, until: 4 * eighth, OffloadAsync, cancellationToken);
        await AtAsync(4 * eighth, until: 5 * eighth, ChangeMacAsync, cancellationToken);
        await AtAsync(5 * eighth, until: 6 * eighth, UploadAsync, cancellationToken);
        await AtAsync(6 * eighth, until: 7 * eighth, OffloadAsync, cancellationToken);
        _traffic.Limit.MoveTo(bytesEachWay);
    }

    /// <summary>Does a step when both streams are at a place; before it ends they get no farther than the next one's.</summary>
    private async Task AtAsync(long place, long until, Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        _traffic.Limit.MoveTo(place);
        try
        {
            await _traffic.BothReachAsync(place, cancellationToken).WaitAsync(StallDeadline, cancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new CliException($"the transfer stalled with {_traffic.Received} bytes received and {_traffic.Sent} sent", exception);
        }

        _traffic.Limit.MoveTo(until);
        await step(cancellationToken);
    }

    private async Task OffloadAsync(CancellationToken cancellationToken)
    {
        _offloads += Moved(await _connection.OffloadAsync().WaitAsync(StepDeadline, cancellationToken));
        view.Tell($"offloaded to {await NoteOwnerAsync()} with {_traffic.Received >> 20} MiB received and {_traffic.Sent >> 20} MiB sent");
    }

    private async Task UploadAsync(CancellationToken cancellationToken)
    {
        _uploads += Moved(await _connection.UploadAsync().WaitAsync(StepDeadline, cancellationToken));
        view.Tell($"uploaded to the {await NoteOwnerAsync()} stack in mid-stream, epoch {_connection.Epoch}");
    }

    private async Task ChangeMacAsync(CancellationToken cancellationToken)
    {
        var updates = _connection.InvariantUpdates;
        MacAddress mac = await stage.Peer.ChangeMacAsync(cancellationToken);
        view.Tell($"{stage.MacChange}: {mac}");
        await UntilAsync(
            async () => _connection.InvariantUpdates > updates && (await ReportAsync()).Segment?.Neighbor.Mac == mac,
            $"the TOE did not learn the client's new MAC address {mac}",
            cancellationToken);
        view.Tell(
            $"the TOE works with version {(await ReportAsync()).Segment?.Version} of the segment-invariant variables: next hop {mac}");
    }

    /// <summary>The client's FIN has come. The TOE did not consume it: the connection is the stack's again, which closes it.</summary>
    private async Task CloseAsync(Task<EndDigest> finished, CancellationToken cancellationToken)
    {
        await UntilAsync(
            async () => string.Equals((await ReportAsync()).Owner, stage.Stack, StringComparison.Ordinal),
            $"the connection did not return to the {stage.Stack} stack for its close",
            cancellationToken);
        _uploads++;
        await NoteOwnerAsync();
        view.Tell($"the client's FIN brought it back to the {stage.Stack} stack, which closes it");
        await _connection.Output.CompleteAsync();
        _client = await finished.WaitAsync(StepDeadline, cancellationToken);
        await _connection.DisposeAsync();
        await _connection.Closed.WaitAsync(StepDeadline, cancellationToken);
    }

    private DemoVerdict Judge()
    {
        var match = _server is not null && _client is not null && _server.Sent == _client.Received && _server.Received == _client.Sent;
        if (_failures.Count == 0)
        {
            Expect(match, "the streams did not arrive as they were sent");
            Expect(_traffic.Sent == bytesEachWay && _traffic.Received == bytesEachWay, "the streams are not as long as they should be");
            Expect(_offloads >= 2 && _uploads >= 2, $"there were {_offloads} offloads and {_uploads} uploads instead of two of each");
            var alternate = _owners.Count == 5
                && _owners.Index().All(each => string.Equals(each.Item, stage.Stack, StringComparison.Ordinal) == (each.Index % 2 == 0));
            Expect(alternate, $"the owners were {string.Join(", ", _owners)}");
        }

        return new DemoVerdict
        {
            Failures = _failures,
            Sha256Match = match,
            BytesSent = _traffic.Sent,
            BytesReceived = _traffic.Received,
            Offloads = _offloads,
            Uploads = _uploads,
            InvariantUpdates = _connection.InvariantUpdates,
            OwnerHistory = _owners,
            Local = _connection.LocalEndPoint.ToString(),
            Remote = _connection.RemoteEndPoint.ToString(),
            Steering = stage.Steering,
            Seconds = Math.Round(_time.Elapsed.TotalSeconds, 3),
            Server = _server,
            Client = _client,
        };
    }

    private void Expect(bool held, string otherwise)
    {
        if (!held)
        {
            _failures.Add(otherwise);
        }
    }

    private async Task<string> NoteOwnerAsync()
    {
        ConnectionReport report = await ReportAsync();
        _owners.Add(report.Owner);
        _reports.Add(ControlJson.Element(report));
        return report.Owner;
    }

    private async Task<ConnectionReport> ReportAsync() =>
        (await stage.Host.ListAsync()).SingleOrDefault(each => each.Id == _connection.Id)
        ?? throw new CliException("the connection has ended before its time");

    private static int Moved(MoveResult result) => result.Refused is [var refusal, ..]
        ? throw new CliException($"the move was refused: {refusal.Reason}")
        : result.Moved == 1 ? 1 : throw new CliException("the connection was not where it should have been");

    private static async Task UntilAsync(Func<Task<bool>> condition, string otherwise, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StepDeadline);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        try
        {
            while (!await condition())
            {
                await look.WaitForNextTickAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"{otherwise} within {StepDeadline.TotalSeconds} s", exception);
        }
    }
}
