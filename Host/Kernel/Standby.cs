using System.Net;
using System.Net.Sockets;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The socket that a connection comes back on, in repair mode. It is made before the connection leaves the kernel: the way back then needs no
/// descriptor that the process might not have, the peer does not wait while options are set, and where this side connected it holds the port,
/// so that nobody else gets it meanwhile.
/// </summary>
internal sealed class Standby : IDisposable
{
    private readonly IPEndPoint _local;
    private bool _isBound;

    /// <param name="leaving">The socket that the connection is to leave.</param>
    /// <param name="local">The connection's address and port.</param>
    /// <param name="remote">The peer's.</param>
    /// <param name="options">The connection's.</param>
    /// <param name="fresh">Those of a new socket.</param>
    /// <param name="holdsPort">Whether to bind now: not where a listener has the port, who may end and come back.</param>
    /// <exception cref="SocketException">When the process may open no more descriptors.</exception>
    public Standby(Socket leaving, IPEndPoint local, IPEndPoint remote, SocketOptions options, SocketOptions fresh, bool holdsPort)
    {
        _local = local;
        Socket = new Socket(leaving.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (Socket.AddressFamily == AddressFamily.InterNetworkV6)
            {
                Socket.DualMode = remote.Address.IsIPv4MappedToIPv6;
            }

            // Repair mode forces address reuse, beside a listener too; setting SO_REUSEADDR now would weaken that.
            Repair = new TcpRepair(Socket);
            Repair.Enter();
            options.Apply(Socket, fresh);
            if (holdsPort)
            {
                HoldPort(leaving);
            }
        }
        catch
        {
            Socket.Dispose();
            throw;
        }
    }

    public Socket Socket { get; }

    public TcpRepair Repair { get; }

    /// <summary>Binds, unless it holds the port already.</summary>
    public void Bind()
    {
        if (!_isBound)
        {
            Socket.BindAsIs(_local);
            _isBound = true;
        }
    }

    public void Dispose() => Socket.Dispose();

    private void HoldPort(Socket leaving)
    {
        // Who shares the port with it can do so still.
        Socket.SetInt(TcpOption.LevelSocket, TcpOption.ReusePort, leaving.GetInt(TcpOption.LevelSocket, TcpOption.ReusePort));
        try
        {
            Bind();
        }
        catch (SocketException)
        {
            // A listener or another connection holds the port already, which does as well.
        }
    }
}
