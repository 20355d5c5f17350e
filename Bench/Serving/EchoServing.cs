using TcpActors.Bench.Load;

namespace TcpActors.Bench.Serving;

/// <summary>The server's half of request and response: the response is the request.</summary>
internal static class EchoServing
{
    /// <summary>Sends <see cref="BulkServing.Ready"/>, then answers until the client has no more.</summary>
    public static async Task RunAsync(IServerConnection connection, int size)
    {
        await connection.WriteAsync(new[] { BulkServing.Ready });
        byte[] message = new byte[size];
        while (await connection.ReadMessageAsync(message))
        {
            await connection.WriteAsync(message);
        }
    }

    /// <summary>Answers once; the connection is then closed.</summary>
    public static async Task OnceAsync(IServerConnection connection)
    {
        byte[] message = new byte[ConnectLoad.MessageSize];
        if (await connection.ReadMessageAsync(message))
        {
            await connection.WriteAsync(message);
        }
    }
}
