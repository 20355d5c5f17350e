using TcpActors.HostSide;

namespace TcpActors.Cli.Demo;

/// <summary>What the demo is played on.</summary>
/// <param name="Connection">The server's end of the connection.</param>
/// <param name="Host">The server's host.</param>
/// <param name="Stack">What lists call that host's stack when it owns a connection.</param>
/// <param name="Steering">Who steers the frames.</param>
/// <param name="Peer">The client.</param>
/// <param name="MacChange">What it means here that the next hop's MAC address changes.</param>
internal sealed record DemoStage(
    Connection Connection, IOffloadHost Host, string Stack, string Steering, IDemoPeer Peer, string MacChange);
