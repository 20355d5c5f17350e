using System.Diagnostics;
using TcpActors.Engine.State;

namespace TcpActors.Transport.Linux;

/// <summary>
/// Whether looking for frames before sleeping pays. It stops after a few looks in vain, and starts again when sleeps have turned out so short
/// that a look would have caught what ended them: an idle link costs nothing.
/// </summary>
/// <param name="longest">How long a look may take; zero: never worth it.</param>
internal sealed class BusyPoll(Microseconds longest)
{
    private const int VainLooks = 4;
    private const int ShortSleeps = 2;

    private int _vain = VainLooks;
    private int _short;

    public Microseconds Longest => longest;

    public bool IsWorthIt => _vain < VainLooks;

    /// <summary>A look has ended, with something or in vain.</summary>
    public void Polled(bool hasPaid) => _vain = hasPaid ? 0 : _vain + 1;

    /// <summary>A sleep has ended.</summary>
    /// <param name="hasFrames">Whether frames ended it.</param>
    /// <param name="start">When it began, a look before it included (<see cref="Stopwatch"/>).</param>
    public void SleptUntil(bool hasFrames, long start)
    {
        bool isShort = hasFrames && Stopwatch.GetElapsedTime(start).TotalMicroseconds < longest.Value;
        _short = isShort ? _short + 1 : 0;
        if (_short >= ShortSleeps)
        {
            (_vain, _short) = (0, 0);
        }
    }
}
