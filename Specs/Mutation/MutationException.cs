namespace TcpActors.Mutation;

/// <summary>The run cannot go on; the message says what to do.</summary>
internal sealed class MutationException(string message) : Exception(message);
