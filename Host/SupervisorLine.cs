using Akka.Actor;

namespace TcpActors.HostSide;

/// <summary>What a host's supervisor is told and asked by. A question that it does not live to answer fails, and so does each one after its end.</summary>
internal sealed class SupervisorLine(IActorRef supervisor)
{
    private readonly CancellationTokenSource _ended = new();

    public IActorRef Supervisor => supervisor;

    public void Tell(object message) => supervisor.Tell(message, ActorRefs.NoSender);

    /// <param name="question">Makes the message of what the supervisor completes.</param>
    /// <exception cref="ObjectDisposedException">The host has ended.</exception>
    public async Task<T> AskAsync<T>(Func<TaskCompletionSource<T>, object> question)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration ended = _ended.Token.UnsafeRegister(
            static state => ((TaskCompletionSource<T>)state!).TrySetException(Ended()), done);
        Tell(question(done));
        return await done.Task;
    }

    /// <summary>The supervisor is gone.</summary>
    public void End() => _ended.Cancel();

    private static ObjectDisposedException Ended() => new(nameof(IOffloadHost), "The host was disposed of; make another one.");
}
