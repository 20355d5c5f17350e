using System.Globalization;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Peers;

/// <summary>A program that the user names.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="template">A shell command with words in braces.</param>
internal sealed class CommandPeer(string name, string template) : Peer
{
    /// <summary>How to write one, for people.</summary>
    public const string Lesson = """
        A peer is another stack, measured beside ours on a veth pair of its own. COMMAND is given to sh twice in each round: first at the
        server's end with {role} replaced by 'server', then at the other end with 'client'. The client ends by itself and its last line is
        the row's first figure in the row's unit ('list' shows both). The server is killed when the client has ended; what it writes to
        standard output first is taken as "ready", without that it gets half a second. Words that are replaced:
          {role}         server or client
          {row}          the row's name
          {address}      the server's address, which its kernel has        {spare}   one on the same net that no kernel has, for a stack
          {interface}    the interface at this end                                   with an address of its own
          {port}         to listen on                                      {seconds} how long to measure
          {direction}    of bulk rows, seen from the server: send or receive; {streams} their connections
          {size}         of request rows: bytes of a message; {connections} how many at once
        Example (iperf3 is measured on bulk rows without being asked for):
          --peer 'mine=./stack-{role} --device {interface} --server {spare}:{port} --{direction} --streams {streams} --time {seconds}'
        """;

    public override string Name => name;

    /// <summary>Reads NAME=COMMAND.</summary>
    /// <exception cref="FormatException">It is not that; the message says what is missing.</exception>
    public static CommandPeer Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0 || string.IsNullOrWhiteSpace(text[(equals + 1)..]))
        {
            throw new FormatException($"'{text}' is not a peer: write NAME=COMMAND.");
        }

        return text.Contains("{role}", StringComparison.Ordinal)
            ? new CommandPeer(text[..equals].Trim(), text[(equals + 1)..])
            : throw new FormatException($"The command of the peer '{text[..equals]}' must use {{role}}: it is run at both ends.");
    }

    public override bool Takes(Row row) => true;

    protected override string Command(IReadOnlyDictionary<string, string> words)
    {
        string command = template;
        foreach ((string word, string value) in words)
        {
            command = command.Replace($"{{{word}}}", value, StringComparison.Ordinal);
        }

        return command;
    }

    protected override double? Read(string output) =>
        output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is [.., var last]
        && double.TryParse(last, NumberStyles.Float, CultureInfo.InvariantCulture, out double figure)
            ? figure
            : null;
}
