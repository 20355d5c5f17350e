using System.IO.Pipelines;

namespace TcpActors.Cli.Serving;

/// <summary>What a server does with one connection.</summary>
internal interface IApplication
{
    /// <summary>For people: as it was written on the command line.</summary>
    string Name { get; }

    /// <summary>Talks with the peer; returns when both directions have ended or there is nothing more to say.</summary>
    Task RunAsync(IDuplexPipe connection, CancellationToken cancellationToken);
}
