using System.Net;
using TcpActors.Bench.Measuring;

namespace TcpActors.Bench.Serving;

/// <summary>What a row has started in the serving process.</summary>
internal interface IServing : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }

    /// <summary>Something that only this process can do or tell.</summary>
    /// <param name="question">Known to the row.</param>
    Task<Figures> AskAsync(string question) => throw new BenchException($"This row's server knows no '{question}'.");
}
