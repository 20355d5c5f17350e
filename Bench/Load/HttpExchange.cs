namespace TcpActors.Bench.Load;

/// <summary>GET of a short text over HTTP/1.1, one request at a time; status and body of every answer are compared.</summary>
internal sealed class HttpExchange : Exchange
{
    public const string Text = "Hello, World!";
    public const string Path = "/plaintext";

    private static readonly byte[] s_request = System.Text.Encoding.ASCII.GetBytes(
        $"GET {Path} HTTP/1.1\r\nHost: bench\r\nAccept: text/plain\r\nConnection: keep-alive\r\n\r\n");

    public override int Capacity => 4096;

    public override ReadOnlySpan<byte> NextRequest() => s_request;

    public override bool IsWhole(ReadOnlySpan<byte> answer)
    {
        int header = answer.IndexOf("\r\n\r\n"u8);
        if (header < 0)
        {
            return answer.Length < Capacity ? false : throw new BenchException("An answer without an end.");
        }

        ReadOnlySpan<byte> body = answer[(header + 4)..];
        if (body.Length < Text.Length)
        {
            return false;
        }

        return answer.StartsWith("HTTP/1.1 200 "u8) && body.SequenceEqual("Hello, World!"u8)
            ? true
            : throw new BenchException("An answer is not the text that was asked for.");
    }
}
