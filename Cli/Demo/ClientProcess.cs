using System.Net;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Engine.Wire;

namespace TcpActors.Cli.Demo;

/// <summary>The demo's client as its server sees it: orders go in, events come out.</summary>
internal sealed class ClientProcess : IDemoPeer, IAsyncDisposable
{
    public const string Interface = "client0";
    private const string NewMac = "02:00:00:00:00:99";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly ChildProcess _process;
    private readonly Dictionary<string, TaskCompletionSource<ClientEvent>> _expected = new(StringComparer.Ordinal)
    {
        [nameof(ClientEvent.Ready)] = new(TaskCreationOptions.RunContinuationsAsynchronously),
        [nameof(ClientEvent.Configured)] = new(TaskCreationOptions.RunContinuationsAsynchronously),
        [nameof(ClientEvent.Mac)] = new(TaskCreationOptions.RunContinuationsAsynchronously),
        [nameof(ClientEvent.Finished)] = new(TaskCreationOptions.RunContinuationsAsynchronously),
    };

    private ClientProcess(ChildProcess process)
    {
        _process = process;
        _ = ListenAsync();
    }

    public int Id => _process.Id;

    /// <summary>Completes when the client runs in its own network namespace.</summary>
    public static async Task<ClientProcess> StartAsync(CancellationToken cancellationToken)
    {
        System.Diagnostics.ProcessStartInfo start = OwnNamespace.Command("demo-client");
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        var client = new ClientProcess(ChildProcess.Start(start));
        await client.ExpectAsync(nameof(ClientEvent.Ready), cancellationToken);
        return client;
    }

    public async Task ConfigureAsync(IPAddress address, int prefixLength, CancellationToken cancellationToken)
    {
        await OrderAsync(new ClientOrder { Configure = new ConfigureOrder(Interface, address.ToString(), prefixLength) });
        await ExpectAsync(nameof(ClientEvent.Configured), cancellationToken);
    }

    /// <summary>Has it connect and transfer; returns at once.</summary>
    public Task TransferAsync(IPEndPoint server, long bytesEachWay) =>
        OrderAsync(new ClientOrder { Transfer = new TransferOrder(server.ToString(), bytesEachWay, Seed: 2) });

    public async Task<MacAddress> ChangeMacAsync(CancellationToken cancellationToken)
    {
        await OrderAsync(new ClientOrder { ChangeMac = new ChangeMacOrder(Interface, NewMac) });
        return MacAddress.Parse((await ExpectAsync(nameof(ClientEvent.Mac), cancellationToken)).Mac!);
    }

    public async Task<EndDigest> FinishAsync(CancellationToken cancellationToken) =>
        (await _expected[nameof(ClientEvent.Finished)].Task.WaitAsync(cancellationToken)).Finished!;

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task OrderAsync(ClientOrder order)
    {
        await _process.Input.WriteLineAsync(JsonSerializer.Serialize(order, ControlJson.Default.ClientOrder));
        await _process.Input.FlushAsync();
    }

    private async Task<ClientEvent> ExpectAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await _expected[name].Task.WaitAsync(Deadline, cancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new CliException($"the client process did not report {name} within {Deadline.TotalSeconds} s", exception);
        }
    }

    private async Task ListenAsync()
    {
        var failure = "the client process ended early";
        while (await _process.Output.ReadLineAsync() is { } line)
        {
            ClientEvent what = JsonSerializer.Deserialize(line, ControlJson.Default.ClientEvent)!;
            if (what.Failed is not null)
            {
                failure = what.Failed;
                break;
            }

            var name = what.Ready ? nameof(ClientEvent.Ready)
                : what.Configured ? nameof(ClientEvent.Configured)
                : what.Mac is not null ? nameof(ClientEvent.Mac)
                : nameof(ClientEvent.Finished);
            _expected[name].TrySetResult(what);
        }

        foreach (TaskCompletionSource<ClientEvent> expected in _expected.Values)
        {
            expected.TrySetException(new CliException(failure));
        }
    }
}
