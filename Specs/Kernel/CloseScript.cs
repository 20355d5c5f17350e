namespace TcpActors.Specs.Kernel;

/// <summary>
/// The one script of closings. What is asked of a server on the engine is what a server on kernel sockets does, so nothing here says what the
/// result should be. Left out, as chance decides it on kernel sockets too: how much of what was in flight a peer still reads before an RST.
/// Left out as another interface: writing after the own end was completed, which a PipeWriter calls a wrong use.
/// </summary>
internal static class CloseScript
{
    private const int Little = 1000;

    /// <summary>What buffers on the way hold without anybody reading.</summary>
    private const int Some = 48 << 10;

    /// <summary>More than all buffers on the way hold.</summary>
    private const int TooMuch = 48 << 20;

    public static IReadOnlyDictionary<string, Func<CloseTalk, Task>> Conversations { get; } =
        new Dictionary<string, Func<CloseTalk, Task>>(StringComparer.Ordinal)
        {
            ["client closes first"] = async talk =>
            {
                talk.Client.Close();
                await talk.Server.ReadAsync(1);
                await talk.Server.ReadAsync(1);
                talk.Server.Close();
            },
            ["server closes first"] = async talk =>
            {
                talk.Server.Close();
                await talk.Client.ReadAsync(1);
                await talk.Client.ReadAsync(1);
                talk.Client.Close();
            },
            ["client closes behind data"] = async talk =>
            {
                await talk.Client.WriteAsync(Some);
                talk.Client.Close();
                await talk.Server.ReadAsync(2 * Some);
                talk.Server.Close();
            },
            ["server closes behind data that nobody reads yet"] = async talk =>
            {
                await talk.Server.WriteAsync(Some);
                talk.Server.Close();
                await talk.Client.ReadAsync(2 * Some);
                talk.Client.Close();
            },
            ["client half-closes, data follows"] = async talk =>
            {
                talk.Client.ShutdownSend();
                await talk.Server.ReadAsync(1);
                await talk.Server.WriteAsync(Little);
                await talk.Client.ReadAsync(Little);
                await talk.Server.WriteAsync(Some);
                talk.Server.Close();
                await talk.Client.ReadAsync(2 * Some);
                talk.Client.Close();
            },
            ["server half-closes, data follows"] = async talk =>
            {
                talk.Server.ShutdownSend();
                await talk.Client.ReadAsync(1);
                await talk.Client.WriteAsync(Little);
                await talk.Server.ReadAsync(Little);
                await talk.Client.WriteAsync(Some);
                talk.Client.Close();
                await talk.Server.ReadAsync(2 * Some);
                talk.Server.Close();
            },
            ["both half-close, client first"] = async talk =>
            {
                talk.Client.ShutdownSend();
                await talk.Server.ReadAsync(1);
                talk.Server.ShutdownSend();
                await talk.Client.ReadAsync(1);
                talk.Server.Close();
                talk.Client.Close();
            },
            ["both half-close, server first"] = async talk =>
            {
                talk.Server.ShutdownSend();
                await talk.Client.ReadAsync(1);
                talk.Client.ShutdownSend();
                await talk.Server.ReadAsync(1);
                talk.Server.Close();
                talk.Client.Close();
            },
            ["both close at once"] = async talk =>
            {
                using (talk.CutCable())
                {
                    talk.Client.Close();
                    await talk.Tap.SeesAsync("client FIN");
                    talk.Server.Close();
                    await talk.Tap.SeesAsync("server FIN");
                }
            },
            ["both half-close at once"] = async talk =>
            {
                using (talk.CutCable())
                {
                    talk.Client.ShutdownSend();
                    await talk.Tap.SeesAsync("client FIN");
                    talk.Server.ShutdownSend();
                    await talk.Tap.SeesAsync("server FIN");
                }

                await talk.Server.ReadAsync(1);
                await talk.Client.ReadAsync(1);
                talk.Server.Close();
                talk.Client.Close();
            },
            ["client aborts, server reads"] = async talk =>
            {
                talk.Client.Abort();
                await ReadsAfterResetAsync(talk.Server);
            },
            ["client aborts, server writes"] = async talk =>
            {
                talk.Client.Abort();
                await talk.ServerIsResetAsync();
                await WritesAfterResetAsync(talk.Server);
            },
            ["server aborts, client reads"] = async talk =>
            {
                talk.Server.Abort();
                await ReadsAfterResetAsync(talk.Client);
            },
            ["server aborts, client writes"] = async talk =>
            {
                talk.Server.Abort();
                await talk.ClientIsResetAsync();
                await WritesAfterResetAsync(talk.Client);
            },
            ["client aborts behind data"] = async talk =>
            {
                await talk.Client.WriteAsync(Little);
                await talk.ArrivedAsync(talk.Server, Little);
                talk.Client.Abort();
                await talk.ServerIsResetAsync();
                await talk.Server.ReadAsync(Little);
                await ReadsAfterResetAsync(talk.Server);
            },
            ["client aborts behind data, server writes before it reads"] = async talk =>
            {
                await talk.Client.WriteAsync(Little);
                await talk.ArrivedAsync(talk.Server, Little);
                talk.Client.Abort();
                await talk.ServerIsResetAsync();
                await talk.Server.WriteAsync(1);
                await talk.Server.ReadAsync(Little);
                await ReadsAfterResetAsync(talk.Server);
            },
            ["server aborts behind data"] = async talk =>
            {
                await talk.Server.WriteAsync(Little);
                await talk.ArrivedAsync(talk.Client, Little);
                talk.Server.Abort();
                await talk.ClientIsResetAsync();
                await talk.Client.ReadAsync(Little);
                await ReadsAfterResetAsync(talk.Client);
            },
            ["client closes with unread data"] = async talk =>
            {
                await talk.Server.WriteAsync(Little);
                await talk.ArrivedAsync(talk.Client, Little);
                talk.Client.Close();
                await ReadsAfterResetAsync(talk.Server);
            },
            ["server closes with unread data"] = async talk =>
            {
                await talk.Client.WriteAsync(Little);
                await talk.ArrivedAsync(talk.Server, Little);
                talk.Server.Close();
                await ReadsAfterResetAsync(talk.Client);
            },
            ["client half-closes, server closes with unread data"] = async talk =>
            {
                await talk.Client.WriteAsync(Little);
                talk.Client.ShutdownSend();
                await talk.ArrivedAsync(talk.Server, Little);
                talk.Server.Close();
                await ReadsAfterResetAsync(talk.Client);
            },
            ["client resets while the server writes"] = async talk =>
            {
                Task writing = talk.Server.WriteUntilResetAsync(TooMuch);
                await talk.Client.ReadAsync(1 << 20);
                talk.Client.Abort();
                await writing;
                await WritesAfterResetAsync(talk.Server);
            },
            ["client closes while the server writes"] = async talk =>
            {
                Task writing = talk.Server.WriteUntilResetAsync(TooMuch);
                await talk.Client.ReadAsync(1 << 20);
                await CloseTalk.UntilAsync(() => Task.FromResult(talk.Client.Available > 0), "more data");
                talk.Client.Close();
                await writing;
                await WritesAfterResetAsync(talk.Server);
            },
            ["server resets while the client writes"] = async talk =>
            {
                Task writing = talk.Client.WriteUntilResetAsync(TooMuch);
                await talk.Server.ReadAsync(1 << 20);
                talk.Server.Abort();
                await writing;
                await WritesAfterResetAsync(talk.Client);
            },
            ["server closes while the client writes"] = async talk =>
            {
                Task writing = talk.Client.WriteUntilResetAsync(TooMuch);
                await talk.Server.ReadAsync(1 << 20);
                await CloseTalk.UntilAsync(() => Task.FromResult(talk.Server.Available > 0), "more data");
                talk.Server.Close();
                await writing;
                await WritesAfterResetAsync(talk.Client);
            },
            ["server writes after the client closed"] = async talk =>
            {
                talk.Client.Close();
                await talk.Server.ReadAsync(1);
                await talk.Server.WriteAsync(Little);
                await talk.ServerIsResetAsync();
                await WritesAfterResetAsync(talk.Server);
            },
            ["client writes after the server closed"] = async talk =>
            {
                talk.Server.Close();
                await talk.Client.ReadAsync(1);
                await talk.Client.WriteAsync(Little);
                await talk.ClientIsResetAsync();
                await WritesAfterResetAsync(talk.Client);
            },
            ["client half-closes and aborts at once"] = async talk =>
            {
                talk.Client.ShutdownSend();
                talk.Client.Abort();
                await talk.ServerIsResetAsync();
                await ReadsAfterResetAsync(talk.Server);
            },
            ["client half-closes and aborts later"] = async talk =>
            {
                talk.Client.ShutdownSend();
                await talk.Server.ReadAsync(1);
                talk.Client.Abort();
                await talk.ServerIsResetAsync();
                await WritesAfterResetAsync(talk.Server);
            },
            ["server half-closes and aborts"] = async talk =>
            {
                talk.Server.ShutdownSend();
                await talk.Tap.SeesAsync("server FIN");
                talk.Server.Abort();
                await talk.ClientIsResetAsync();
                await ReadsAfterResetAsync(talk.Client);
            },
            ["server half-closes, client aborts"] = async talk =>
            {
                talk.Server.ShutdownSend();
                await talk.Client.ReadAsync(1);
                talk.Client.Abort();
                await ReadsAfterResetAsync(talk.Server, alsoWrites: false);
            },
        };

    private static async Task ReadsAfterResetAsync(CloseEnd end, bool alsoWrites = true)
    {
        await end.ReadAsync(1);
        await end.ReadAsync(1);
        if (alsoWrites)
        {
            await end.WriteAsync(1);
            await end.WriteAsync(1);
        }

        await end.ReadAsync(1);
        end.Close();
    }

    private static async Task WritesAfterResetAsync(CloseEnd end)
    {
        await end.WriteAsync(1);
        await end.WriteAsync(1);
        await end.ReadAsync(1);
        await end.ReadAsync(1);
        end.Close();
    }
}
