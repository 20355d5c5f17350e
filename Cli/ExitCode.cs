namespace TcpActors.Cli;

/// <summary>What the command tells the shell.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>It was understood and did not work.</summary>
    public const int Failed = 1;

    /// <summary>It was not understood.</summary>
    public const int Usage = 2;
}
