using System.Net;
using System.Net.Sockets;
using System.Text;
using TcpActors.Bench.Lab;
using TcpActors.Specs.Kernel;
using TcpActors.Transport.Linux.Tcp;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>What the rows measure on is what they say.</summary>
public sealed class CableSpecs
{
    [KernelTheory]
    [InlineData("reno")]
    [InlineData("cubic")]
    public void Who_connects_and_who_accepts_run_the_congestion_control_of_the_row(string name)
    {
        using var cable = new Cable(new CableOptions { CongestionControl = name });
        using Socket listener = cable.Server.Run(NewSocket);
        listener.Bind(new IPEndPoint(Cable.ServerAddress, 0));
        listener.Listen();
        using Socket client = cable.Load.Run(NewSocket);

        client.Connect(listener.LocalEndPoint!);

        using Socket accepted = listener.Accept();
        Assert.Equal(name, CongestionControl(client));
        Assert.Equal(name, CongestionControl(accepted));
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static string CongestionControl(Socket socket)
    {
        Span<byte> name = stackalloc byte[16];
        socket.GetRawSocketOption(TcpOption.LevelTcp, TcpOption.Congestion, name);
        return Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]);
    }
}
