using TcpActors.Engine.Wire;

namespace TcpActors.Cli.Demo;

/// <summary>The other end of the demo's connection: an ordinary client that knows nothing of offloading.</summary>
internal interface IDemoPeer
{
    /// <summary>Gives its interface another MAC address, in the middle of whatever goes on.</summary>
    /// <returns>The new address.</returns>
    Task<MacAddress> ChangeMacAsync(CancellationToken cancellationToken);

    /// <summary>Waits until it has seen the end of both streams.</summary>
    /// <returns>Both as it saw them.</returns>
    Task<EndDigest> FinishAsync(CancellationToken cancellationToken);
}
