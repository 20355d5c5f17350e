using System.Net;
using TcpActors.Bench.Measuring;

namespace TcpActors.Bench.Serving;

/// <summary>For rows that measure within the serving process: it listens nowhere and only answers questions.</summary>
internal sealed class AnsweringServing(Func<string, Task<Figures>> answer) : IServing
{
    public IPEndPoint EndPoint { get; } = new(IPAddress.None, 0);

    public Task<Figures> AskAsync(string question) => answer(question);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
