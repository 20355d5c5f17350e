using System.Diagnostics;
using TcpActors.Engine.State;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Moves;

/// <summary>Sleeps for microseconds, as the receiving thread of a TOE does: .NET's own pauses are milliseconds long.</summary>
internal sealed class Pause : IDisposable
{
    private readonly PacketWaiter _waiter = new("bench");

    public void For(double microseconds) => _waiter.Wait(new Microseconds((long)microseconds));

    /// <summary>Sleeps until a moment of the monotonic clock.</summary>
    public void Until(long timestamp)
    {
        double left = (timestamp - Stopwatch.GetTimestamp()) * 1e6 / Stopwatch.Frequency;
        if (left >= 1)
        {
            For(left);
        }
    }

    public void Dispose() => _waiter.Dispose();
}
