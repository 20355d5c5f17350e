namespace TcpActors.Cli.Control;

/// <summary>Where a server and the commands that steer it meet when nothing else is said.</summary>
internal static class ControlPath
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static string Default { get; } =
        For(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"), PeerCredentials.OwnUser, Directory.Exists);

    /// <summary>The user's runtime directory, or a directory of the user's own under /tmp on systems without one.</summary>
    public static string For(string? runtimeDirectory, uint user, Func<string, bool> exists)
    {
        if (!string.IsNullOrEmpty(runtimeDirectory) && exists(runtimeDirectory))
        {
            return Path.Combine(runtimeDirectory, "tcpactors", "control.sock");
        }

        return exists($"/run/user/{user}") ? $"/run/user/{user}/tcpactors/control.sock" : $"/tmp/tcpactors-{user}/control.sock";
    }

    /// <summary>Makes the directory of a control socket when it is not there: for its owner only.</summary>
    /// <exception cref="CliException">It cannot be made.</exception>
    public static void EnsureDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new CliException("The control socket belongs to the kernel host, which needs Linux.");
        }

        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(directory))
        {
            try
            {
                Directory.CreateDirectory(directory, OwnerOnly);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new CliException(
                    $"Cannot make the directory of the control socket {path}: {exception.Message} Choose another with --control PATH.",
                    exception);
            }
        }
    }
}
