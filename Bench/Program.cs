using System.Diagnostics;
using System.Net.Sockets;
using Spectre.Console;
using TcpActors.Bench;

const int Runs = 5;
const long BulkBytes = 2L << 30;
const int RoundTrips = 20_000;

if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
{
    Console.Error.WriteLine("The bench makes network namespaces: run it as root on Linux.");
    return 1;
}

using var lab = new Lab();
(string Name, string Unit, Func<IServerSide, Task<double>> Run)[] rows =
[
    ("bulk send, server to client", "Gbit/s", server => BulkAsync(server, fromServer: true)),
    ("bulk receive, client to server", "Gbit/s", server => BulkAsync(server, fromServer: false)),
    ("64-byte round trip, p50", "µs", RoundTripAsync),
];
var table = new Table().AddColumns("row", "unit", "kernel", "engine", "engine / kernel", "spread of the ratio");
foreach ((string name, string unit, Func<IServerSide, Task<double>> run) in rows)
{
    var kernel = new List<double>();
    var engine = new List<double>();
    for (int i = 0; i <= Runs; i++)
    {
        double k = await MeasureAsync(new KernelServer(lab), run);
        double e = await MeasureAsync(new EngineServer(lab), run);
        if (i > 0)
        {
            // The first of each warms up.
            kernel.Add(k);
            engine.Add(e);
        }
    }

    double[] ratios = [.. engine.Zip(kernel, (e, k) => e / k).Order()];
    table.AddRow(
        name, unit, $"{Median(kernel):F1}", $"{Median(engine):F1}", $"{ratios[ratios.Length / 2]:F2}", $"{ratios[0]:F2} to {ratios[^1]:F2}");
}

AnsiConsole.Write(table);
return 0;

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

static async Task<double> MeasureAsync(IServerSide server, Func<IServerSide, Task<double>> run)
{
    await using (server)
    {
        return await run(server);
    }
}

async Task<double> BulkAsync(IServerSide server, bool fromServer)
{
    using Socket client = lab.NewClient();
    Task<IServerConnection> accepting = server.AcceptAsync();
    await client.ConnectAsync(server.EndPoint);
    await using IServerConnection connection = await accepting;
    byte[] block = new byte[256 << 10];
    byte[] sink = new byte[256 << 10];
    var watch = Stopwatch.StartNew();
    Task sending = Task.Run(async () =>
    {
        for (long left = BulkBytes; left > 0; left -= block.Length)
        {
            if (fromServer)
            {
                await connection.WriteAsync(block);
            }
            else
            {
                await client.SendAsync(block);
            }
        }
    });
    for (long left = BulkBytes; left > 0;)
    {
        int count = fromServer ? await client.ReceiveAsync(sink) : await connection.ReadAsync(sink);
        left -= count > 0 ? count : throw new IOException("the stream ended early");
    }

    double seconds = watch.Elapsed.TotalSeconds;
    await sending;
    return BulkBytes * 8 / seconds / 1e9;
}

async Task<double> RoundTripAsync(IServerSide server)
{
    using Socket client = lab.NewClient();
    Task<IServerConnection> accepting = server.AcceptAsync();
    await client.ConnectAsync(server.EndPoint);
    await using IServerConnection connection = await accepting;
    Task echo = Task.Run(async () =>
    {
        byte[] bytes = new byte[64];
        int count;
        while ((count = await connection.ReadAsync(bytes)) > 0)
        {
            await connection.WriteAsync(bytes.AsMemory(0, count));
        }
    });
    byte[] message = new byte[64];
    double[] times = new double[RoundTrips];
    for (int i = 0; i < RoundTrips; i++)
    {
        long start = Stopwatch.GetTimestamp();
        client.Send(message);
        for (int got = 0; got < message.Length;)
        {
            got += client.Receive(message, got, message.Length - got, SocketFlags.None);
        }

        times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    client.Shutdown(SocketShutdown.Send);
    await echo;
    Array.Sort(times);
    return times[RoundTrips / 2];
}
