using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TcpActors.Bench.Recording;

/// <summary>send(2) with flags that .NET does not pass on.</summary>
internal static partial class SendFlags
{
    private const int DontWait = 0x40;
    private const int More = 0x8000;
    private const int TryAgain = 11;

    /// <summary>Writes what there is room for, without waiting.</summary>
    /// <param name="socket">A stream.</param>
    /// <param name="bytes">To be written.</param>
    /// <param name="isPushed">Whether its last segment says PSH, as it does by itself.</param>
    /// <returns>How many bytes there was room for.</returns>
    /// <exception cref="SocketException">As for a socket.</exception>
    public static int SendSome(this Socket socket, ReadOnlySpan<byte> bytes, bool isPushed)
    {
        nint sent = Send(socket.SafeHandle, bytes, (nuint)bytes.Length, DontWait | (isPushed ? 0 : More));
        int error = sent < 0 ? Marshal.GetLastPInvokeError() : 0;
        return error is 0 or TryAgain ? (int)Math.Max(sent, 0) : throw new SocketException(error);
    }

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeSocketHandle socket, ReadOnlySpan<byte> bytes, nuint length, int flags);
}
