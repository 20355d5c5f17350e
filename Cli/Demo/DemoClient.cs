using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Cli.Parsing;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Cli.Demo;

/// <summary>The demo's client process: an ordinary socket of an ordinary kernel, told what to do over standard input.</summary>
internal sealed class DemoClient(TextReader orders, TextWriter events)
{
    private readonly SemaphoreSlim _speaking = new(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var netlink = new RtNetlink();
        Task transfer = Task.CompletedTask;
        await TellAsync(new ClientEvent { Ready = true });
        while (await orders.ReadLineAsync(cancellationToken) is { } line)
        {
            switch (JsonSerializer.Deserialize(line, ControlJson.Default.ClientOrder))
            {
                case { Configure: { } configure }:
                    DemoInterface.Configure(netlink, configure.Interface, IPAddress.Parse(configure.Address), configure.PrefixLength);
                    await TellAsync(new ClientEvent { Configured = true });
                    break;
                case { Transfer: { } order }:
                    transfer = TransferAsync(order, cancellationToken);
                    break;
                case { ChangeMac: { } change }:
                    var index = netlink.Link(change.Interface)!.Index;
                    netlink.SetLinkMac(index, MacAddress.Parse(change.Mac));
                    await TellAsync(new ClientEvent { Mac = netlink.Link(index)!.Mac.ToString() });
                    break;
            }
        }

        await transfer;
    }

    private async Task TransferAsync(TransferOrder order, CancellationToken cancellationToken)
    {
        try
        {
            IPEndPoint peer = EndPointText.Parse(order.Peer);
            using var socket = new Socket(peer.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(peer, cancellationToken);
            Task<StreamDigest> sent = Task.Run(() => SendAsync(socket, order, cancellationToken), cancellationToken);
            Task<StreamDigest> received = Task.Run(() => ReceiveAsync(socket, cancellationToken), cancellationToken);
            await TellAsync(new ClientEvent { Finished = new EndDigest(await sent, await received) });
        }
        catch (SocketException exception)
        {
            await TellAsync(new ClientEvent { Failed = $"the client's socket failed: {exception.Message}" });
        }
    }

    private static async Task<StreamDigest> SendAsync(Socket socket, TransferOrder order, CancellationToken cancellationToken)
    {
        using var meter = new DigestMeter();
        var source = new RandomBytes(order.Seed);
        var buffer = new byte[256 * 1024];
        while (meter.Position.Value < order.Bytes)
        {
            Memory<byte> bytes = buffer.AsMemory(0, (int)Math.Min(buffer.Length, order.Bytes - meter.Position.Value));
            source.Fill(bytes.Span);
            meter.Add(bytes.Span);
            while (bytes.Length > 0)
            {
                bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
            }
        }

        socket.Shutdown(SocketShutdown.Send);
        return meter.Finish();
    }

    private static async Task<StreamDigest> ReceiveAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var meter = new DigestMeter();
        var buffer = new byte[256 * 1024];
        int count;
        while ((count = await socket.ReceiveAsync(buffer, cancellationToken)) > 0)
        {
            meter.Add(buffer.AsSpan(0, count));
        }

        return meter.Finish();
    }

    private async Task TellAsync(ClientEvent what)
    {
        await _speaking.WaitAsync();
        try
        {
            await events.WriteLineAsync(JsonSerializer.Serialize(what, ControlJson.Default.ClientEvent));
            await events.FlushAsync();
        }
        finally
        {
            _speaking.Release();
        }
    }
}
