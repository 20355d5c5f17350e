using System.Runtime.CompilerServices;

namespace TcpActors.HostSide;

/// <summary>Checks of what an option is set to, where it is set: the error names the option and says what it may be.</summary>
internal static class OptionValue
{
    /// <exception cref="ArgumentOutOfRangeException">When it is not in the range.</exception>
    public static T Within<T>(T value, T least, T most, [CallerMemberName] string option = "")
        where T : IComparable<T> => value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0
        ? value
        : throw new ArgumentOutOfRangeException(option, value, $"{option} is {value}: it must be from {least} to {most}.");

    /// <exception cref="ArgumentNullException">When there is none.</exception>
    public static T Given<T>(T value, [CallerMemberName] string option = "")
        where T : class => value ?? throw new ArgumentNullException(option, $"{option} is null: leave it out to have the default.");
}
