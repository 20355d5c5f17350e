using System.Net;
using System.Net.Sockets;

namespace TcpActors.Cli.Serving;

/// <summary>Why an address cannot be listened on, and what to do about it.</summary>
internal static class ListenFailure
{
    public static CliException Explain(IPEndPoint endPoint, SocketException exception) => new(
        $"Cannot listen on {endPoint}: " + exception.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse =>
                "the port is in use. Choose another, or stop the process that has it ('ss -ltnp' shows which).",
            SocketError.AddressNotAvailable => "no interface here carries that address. 'ip address' shows those that there are.",
            SocketError.AccessDenied => "ports below 1024 need CAP_NET_BIND_SERVICE. Choose a higher one, or run as root.",
            SocketError.AddressFamilyNotSupported => "this system has no such address family (is IPv6 switched off?).",
            _ => Display.Sentence.Of(exception),
        },
        exception);
}
