using System.CommandLine;

namespace TcpActors.Cli.Commands;

/// <summary>Numbers that were asked for and that no connection has.</summary>
internal static class UnknownIds
{
    /// <summary>One line each, on standard error.</summary>
    public static async Task TellAsync(ParseResult parsed, IEnumerable<long> ids)
    {
        foreach (var id in ids)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"tcpactors: there is no connection {id}");
        }
    }
}
