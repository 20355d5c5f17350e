using System.Text.Json;
using TcpActors.Bench.Load;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Lab;

/// <summary>What a child is asked to do. One line of JSON.</summary>
/// <param name="Do">Which of the verbs.</param>
/// <param name="Row">Name of the row.</param>
/// <param name="On">For <see cref="Serve"/>.</param>
/// <param name="Order">For <see cref="Load"/>.</param>
/// <param name="Question">For <see cref="Ask"/>.</param>
internal sealed record ChildOrder(string Do, string Row, Contender On = default, LoadOrder? Order = null, string? Question = null)
{
    /// <summary>Start the row's server; the answer is where it listens.</summary>
    public const string Serve = "serve";

    /// <summary>Load a server; the answer is the run's figures.</summary>
    public const string Load = "load";

    /// <summary>Ask the row's server something; the answer is figures.</summary>
    public const string Ask = "ask";
}

/// <summary>What it says to that.</summary>
/// <param name="Error">What went wrong; null when nothing did.</param>
/// <param name="Value">The answer.</param>
internal sealed record ChildAnswer(string? Error, JsonElement Value);
