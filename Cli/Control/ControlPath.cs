using System.Globalization;
using TcpActors.Cli.Display;
using TcpActors.Transport.Linux;

namespace TcpActors.Cli.Control;

/// <summary>Where a server and the commands that steer it meet when nothing else is said: in a directory of the user's own.</summary>
internal static class ControlPath
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Others = (UnixFileMode)0x3F; // the lowest six bits: group and all others
    private const string Advice = "or name a socket elsewhere with --control PATH.";

    public static string Default { get; } = OperatingSystem.IsLinux()
        ? For(
            Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"),
            OutsideUser(PeerCredentials.OwnUser, File.ReadLines("/proc/self/uid_map")),
            directory => FileStatus.Of(directory) is { IsDirectory: true } status && status.Owner == PeerCredentials.OwnUser)
        : "control.sock";

    /// <summary>In the user's runtime directory, or in a directory under /tmp that has the user's number.</summary>
    public static string For(string? runtimeDirectory, uint user, Func<string, bool> isOwn) =>
        !string.IsNullOrEmpty(runtimeDirectory) && isOwn(runtimeDirectory)
            ? Path.Combine(runtimeDirectory, "tcpactors", "control.sock")
            : $"/tmp/tcpactors-{user}/control.sock";

    /// <summary>
    /// A user's number outside this user namespace: whoever is root in one of their own shares neither a directory with the real root
    /// nor with the root of another.
    /// </summary>
    /// <param name="user">The number inside.</param>
    /// <param name="map">Lines of uid_map, user_namespaces(7): first number inside, first number outside, how many.</param>
    public static uint OutsideUser(uint user, IEnumerable<string> map)
    {
        foreach (var line in map)
        {
            uint[] numbers =
            [
                .. line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                    .Select(each => uint.Parse(each, CultureInfo.InvariantCulture)),
            ];
            if (user >= numbers[0] && user - numbers[0] < numbers[2])
            {
                return numbers[1] + (user - numbers[0]);
            }
        }

        return user;
    }

    /// <summary>
    /// Makes the directory of the default socket when it is not there, for its owner only, and checks that it is so. Another directory is
    /// the user's business, and must be there.
    /// </summary>
    /// <exception cref="CliException">It cannot be used.</exception>
    public static void Prepare(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new CliException("The control socket belongs to the kernel host, which needs Linux.");
        }

        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (string.Equals(path, Default, StringComparison.Ordinal))
        {
            MakeOwn(directory);
        }
        else if (!Directory.Exists(directory))
        {
            throw new CliException(
                $"There is no directory {directory} for the control socket: make it, or choose another path with --control PATH.");
        }
    }

    /// <summary>The default directory, if it is there, is the user's own: what stands in it is, too.</summary>
    /// <exception cref="CliException">It is not.</exception>
    public static void Check(string path)
    {
        if (OperatingSystem.IsLinux() && string.Equals(path, Default, StringComparison.Ordinal)
            && FileStatus.Of(Path.GetDirectoryName(path)!) is { } status)
        {
            CheckOwn(Path.GetDirectoryName(path)!, status);
        }
    }

    internal static void MakeOwn(string directory)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && FileStatus.Of(directory) is null)
            {
                Directory.CreateDirectory(directory, OwnerOnly);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CliException(
                $"Cannot make the directory of the control socket: {Sentence.Of(exception)} Make it, {Advice}", exception);
        }

        // After it was made: somebody else may have been faster.
        CheckOwn(
            directory,
            FileStatus.Of(directory) ?? throw new CliException($"The directory {directory} of the control socket has gone: try again."));
    }

    private static void CheckOwn(string directory, FileStatus status)
    {
        var wrong = !status.IsDirectory ? $"{directory}, the place of the control socket, is not a directory. Remove it, "
            : status.Owner != PeerCredentials.OwnUser
                ? $"The directory {directory} of the control socket belongs to user {status.Owner}, not to you. Have it removed, "
            : (status.Mode & Others) != UnixFileMode.None
                ? $"Others may use the directory {directory} of the control socket: run 'chmod 700 {directory}', "
            : null;
        if (wrong is not null)
        {
            throw new CliException(wrong + Advice);
        }
    }
}
