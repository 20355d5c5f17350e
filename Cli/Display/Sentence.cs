namespace TcpActors.Cli.Display;

/// <summary>Some of the system's messages end with a full stop and some do not.</summary>
internal static class Sentence
{
    /// <summary>What an exception says, with a full stop.</summary>
    public static string Of(Exception exception) => exception.Message.EndsWith('.') ? exception.Message : exception.Message + ".";
}
