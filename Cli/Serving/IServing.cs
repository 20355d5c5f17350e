using System.Net;

namespace TcpActors.Cli.Serving;

/// <summary>An application that is being served. Disposing it ends the listening and its conversations.</summary>
internal interface IServing : IAsyncDisposable
{
    /// <summary>Where it listens, with the ports that were really taken.</summary>
    IReadOnlyList<IPEndPoint> EndPoints { get; }
}
