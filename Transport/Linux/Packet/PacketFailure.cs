using System.Runtime.InteropServices;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Linux;

/// <summary>Error numbers of the packet link's system calls, and what the user is told about them.</summary>
internal static class PacketFailure
{
    public const int NotPermitted = 1;
    public const int Interrupted = 4;
    public const int NoDeviceOrAddress = 6;
    public const int TryAgain = 11;
    public const int NoMemory = 12;
    public const int NoDevice = 19;
    public const int NetworkDown = 100;

    /// <summary>The failure of the last call of this thread, while <paramref name="attempt"/> on an interface.</summary>
    public static LinkException Last(string interfaceName, string attempt)
    {
        int errno = Marshal.GetLastPInvokeError();
        string advice = errno switch
        {
            NotPermitted => "TcpActors needs CAP_NET_RAW and CAP_NET_ADMIN in this network namespace. Run as root, or in a user namespace "
                + "of your own (unshare -Urn).",
            NoMemory => "The kernel has no memory for rings of this size: lower RingSlots or SlotSize.",
            NoDevice or NoDeviceOrAddress => "The interface has gone.",
            _ => $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).",
        };
        return new LinkException($"Cannot {attempt} on {interfaceName}: {advice}");
    }

    /// <exception cref="LinkException">When <paramref name="result"/> is negative.</exception>
    public static void Check(int result, string interfaceName, string attempt)
    {
        if (result < 0)
        {
            throw Last(interfaceName, attempt);
        }
    }
}
