using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>In any state but ESTABLISHED a kernel connection stays in the kernel, as it is, and the reason is told (the patent's claims 16, 20 and 21).</summary>
public sealed class RefusedStateSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [KernelTheory]
    [InlineData(TcpState.FinWait1, false)]
    [InlineData(TcpState.FinWait2, false)]
    [InlineData(TcpState.CloseWait, false)]
    [InlineData(TcpState.Closing, false)]
    [InlineData(TcpState.LastAck, false)]
    [InlineData(TcpState.Closed, false)]
    [InlineData(TcpState.FinWait1, true)]
    [InlineData(TcpState.FinWait2, true)]
    [InlineData(TcpState.CloseWait, true)]
    [InlineData(TcpState.Closing, true)]
    [InlineData(TcpState.LastAck, true)]
    [InlineData(TcpState.Closed, true)]
    public async Task A_connection_that_is_closing_is_refused_and_stays_as_it_is(TcpState state, bool isGuest)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output, new OffloadHostOptions { Toes = [new ToeOptions(hosts.Server.Link)] });
        using KernelConnection both = hosts.Connect();
        using IDisposable? loss = Bring(hosts, both, state);
        await FenceLine.UntilAsync(() => State(both.Server) == state, $"{state}");

        if (isGuest)
        {
            // The application's socket: it stays the application's.
            Exception refusal = await Assert.ThrowsAnyAsync<Exception>(() => host.OffloadAsync(both.Server).WaitAsync(s_patience));

            // After a Shutdown .NET itself calls it not connected.
            Assert.True(
                refusal is ArgumentException || (refusal is OffloadHostException && refusal.Message.Contains(state.ToString(), StringComparison.Ordinal)),
                refusal.ToString());
            Assert.Equal(state, State(both.Server));
            Assert.Empty(await host.ListAsync());
            return;
        }

        Connection connection = host.Adopt(both.Server, isActive: false);
        Refusal refused = Assert.Single((await connection.OffloadAsync().WaitAsync(s_patience)).Refused);
        ConnectionReport report = Assert.Single(await host.ListAsync().WaitAsync(s_patience));
        Assert.Equal(("kernel", refused.Reason, state), (report.Owner, report.LastRefusal, report.Variants.State));
        connection.Abort();
    }

    /// <summary>The socket was the host's to close; who does so himself is not to hold up the host's own end.</summary>
    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_whose_socket_the_application_has_closed_ends_nevertheless(bool isAborted)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output, new OffloadHostOptions { Toes = [new ToeOptions(hosts.Server.Link)] });
        using KernelConnection both = hosts.Connect();
        Connection connection = host.Adopt(both.Server, isActive: false);
        Assert.Single(await host.ListAsync().WaitAsync(s_patience));

        both.Server.Dispose();
        if (isAborted)
        {
            connection.Abort();
        }
        else
        {
            await connection.DisposeAsync();
        }

        await connection.Closed.WaitAsync(s_patience);
        Assert.Empty(await host.ListAsync().WaitAsync(s_patience));
    }

    [KernelFact]
    public async Task What_is_not_connected_yet_or_listens_is_no_connection()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using Socket listening = hosts.Server.Listen();
        await Assert.ThrowsAsync<ArgumentException>(() => host.OffloadAsync(listening));

        using OwnedTable loss = Lose(hosts.Client);
        using Socket connecting = hosts.Server.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        using var over = new CancellationTokenSource();
        Task attempt = connecting.ConnectAsync(new IPEndPoint(hosts.Client.IPv4, 80), over.Token).AsTask();
        await FenceLine.UntilAsync(() => State(connecting) == TcpState.SynSent, "SYN-SENT");
        await Assert.ThrowsAsync<ArgumentException>(() => host.OffloadAsync(connecting));

        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => attempt);
        Assert.Empty(await host.ListAsync());
    }

    private static TcpState State(Socket socket) => (TcpState)socket.GetTcpInfo().State;

    private static OwnedTable Lose(SpecHost at) => at.Run(() => RandomLoss.At(at.Link, oneOf: 1));

    /// <summary>Closes from both sides in such an order, and loses such segments, that the server's socket comes to a state and stays there.</summary>
    private static OwnedTable? Bring(TwoHosts hosts, KernelConnection both, TcpState state)
    {
        OwnedTable? loss = null;
        switch (state)
        {
            case TcpState.FinWait1:
                loss = Lose(hosts.Client);
                both.Server.Shutdown(SocketShutdown.Send);
                break;
            case TcpState.FinWait2:
                both.Server.Shutdown(SocketShutdown.Send);
                break;
            case TcpState.CloseWait:
                both.Client.Shutdown(SocketShutdown.Send);
                break;
            case TcpState.Closing:
                // Our FIN is lost, the client's arrives.
                loss = Lose(hosts.Client);
                both.Server.Shutdown(SocketShutdown.Send);
                both.Client.Shutdown(SocketShutdown.Send);
                break;
            case TcpState.LastAck:
                both.Client.Shutdown(SocketShutdown.Send);
                SpinWait.SpinUntil(() => State(both.Server) == TcpState.CloseWait, s_patience);
                loss = Lose(hosts.Client);
                both.Server.Shutdown(SocketShutdown.Send);
                break;
            case TcpState.Closed:
                // The socket of a connection in TIME-WAIT: the kernel keeps that without it.
                both.Server.Shutdown(SocketShutdown.Send);
                SpinWait.SpinUntil(() => State(both.Server) == TcpState.FinWait2, s_patience);
                both.Client.Shutdown(SocketShutdown.Send);
                break;
        }

        return loss;
    }
}
