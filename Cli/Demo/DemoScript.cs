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
internal sealed class DemoScript(Connection connection, OffloadHost host, IDemoPeer peer, IDemoView view, long bytesEachWay) : IDisposable
{
    private const string Kernel = "kernel";
    private static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(30);
    private readonly DemoTraffic _traffic = new(connection, bytesEachWay, seed: 1);
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
            connection.Abort();
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
        var all = new List<Task> { sent, received, steps };
        try
        {
            while (all.Count > 0)
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
        await CloseAsync(cancellationToken);
    }

    private async Task StepsAsync(CancellationToken cancellationToken)
    {
        view.Tell($"the kernels shook hands: {connection.RemoteEndPoint} is connected to {connection.LocalEndPoint}");
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
        await _traffic.BothReachAsync(place, cancellationToken);
        _traffic.Limit.MoveTo(until);
        await step(cancellationToken);
    }

    private async Task OffloadAsync(CancellationToken cancellationToken)
    {
        _offloads += Moved(await connection.OffloadAsync().WaitAsync(StepDeadline, cancellationToken));
        view.Tell($"offloaded to {await NoteOwnerAsync()} with {_traffic.Received >> 20} MiB received and {_traffic.Sent >> 20} MiB sent");
    }

    private async Task UploadAsync(CancellationToken cancellationToken)
    {
        _uploads += Moved(await connection.UploadAsync().WaitAsync(StepDeadline, cancellationToken));
        view.Tell($"uploaded to the {await NoteOwnerAsync()} in mid-stream, epoch {connection.Epoch}");
    }

    private async Task ChangeMacAsync(CancellationToken cancellationToken)
    {
        var updates = connection.InvariantUpdates;
        MacAddress mac = await peer.ChangeMacAsync(cancellationToken);
        view.Tell($"the client's interface has another MAC address now: {mac}");
        await UntilAsync(
            async () => connection.InvariantUpdates > updates && (await ReportAsync()).Segment?.NextHopMac == mac,
            $"the TOE did not learn the client's new MAC address {mac}",
            cancellationToken);
        view.Tell($"the TOE works with version {(await ReportAsync()).Segment?.Version} of the segment-invariant variables: next hop {mac}");
    }

    /// <summary>The client's FIN has come: the TOE did not consume it, so the connection is with the kernel again, which closes it.</summary>
    private async Task CloseAsync(CancellationToken cancellationToken)
    {
        await UntilAsync(
            async () => (await ReportAsync()).Owner is Kernel, "the connection did not return to the kernel for its close", cancellationToken);
        _uploads++;
        await NoteOwnerAsync();
        view.Tell("the client's FIN brought it back to the kernel, which closes it");
        await connection.Output.CompleteAsync();
        _client = await peer.FinishAsync(cancellationToken).WaitAsync(StepDeadline, cancellationToken);
        await connection.DisposeAsync();
        await connection.Closed.WaitAsync(StepDeadline, cancellationToken);
    }

    private DemoVerdict Judge()
    {
        var match = _server is not null && _client is not null && _server.Sent == _client.Received && _server.Received == _client.Sent;
        if (_failures.Count == 0)
        {
            Expect(match, "the streams did not arrive as they were sent");
            Expect(_traffic.Sent == bytesEachWay && _traffic.Received == bytesEachWay, "the streams are not as long as they should be");
            Expect(_offloads >= 2 && _uploads >= 2, $"there were {_offloads} offloads and {_uploads} uploads instead of two of each");
            Expect(_owners is [Kernel, not Kernel, Kernel, not Kernel, Kernel], $"the owners were {string.Join(", ", _owners)}");
        }

        return new DemoVerdict
        {
            Failures = _failures,
            Sha256Match = match,
            BytesSent = _traffic.Sent,
            BytesReceived = _traffic.Received,
            Offloads = _offloads,
            Uploads = _uploads,
            InvariantUpdates = connection.InvariantUpdates,
            OwnerHistory = _owners,
            Local = connection.LocalEndPoint.ToString(),
            Remote = connection.RemoteEndPoint.ToString(),
            Steering = host.Steering,
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
        (await host.ListAsync()).SingleOrDefault(each => each.Id == connection.Id)
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
