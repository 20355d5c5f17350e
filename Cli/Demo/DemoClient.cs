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
            using var outgoing = new DigestMeter();
            using var incoming = new DigestMeter();
            Task<StreamDigest> sent = Task.Run(
                () => SendAsync(socket, order, outgoing, incoming.Position, cancellationToken), cancellationToken);
            Task<StreamDigest> received = Task.Run(() => ReceiveAsync(socket, incoming, cancellationToken), cancellationToken);

            // Sending may wait for what is received: if that breaks off, it must not wait for ever.
            await await Task.WhenAny(sent, received);
            await TellAsync(new ClientEvent { Finished = new EndDigest(await sent, await received) });
        }
        catch (SocketException exception)
        {
            await TellAsync(new ClientEvent { Failed = $"the client's socket failed: {exception.Message}" });
        }
    }

    /// <summary>
    /// Sends the whole stream and FIN, but never runs far ahead of what it receives: otherwise all of it could lie in the server kernel's
    /// buffers, FIN included, before the server has had its last move in mid-stream.
    /// </summary>
    private static async Task<StreamDigest> SendAsync(
        Socket socket, TransferOrder order, DigestMeter meter, Milepost received, CancellationToken cancellationToken)
    {
        var lead = order.Bytes / 16;
        var source = new RandomBytes(order.Seed);
        var buffer = new byte[256 * 1024];
        while (meter.Position.Value < order.Bytes)
        {
            await received.ReachesAsync(meter.Position.Value - lead, cancellationToken);
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

    private static async Task<StreamDigest> ReceiveAsync(Socket socket, DigestMeter meter, CancellationToken cancellationToken)
    {
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
