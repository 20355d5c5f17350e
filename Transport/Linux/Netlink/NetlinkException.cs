using System.Globalization;
using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>The kernel refused a netlink request, or its answer could not be understood.</summary>
public sealed class NetlinkException : IOException
{
    public NetlinkException(string operation, int errno, string? kernelMessage = null)
        : base(Describe(operation, errno, kernelMessage))
    {
        Errno = errno;
        KernelMessage = kernelMessage;
    }

    /// <summary>The positive Linux error number, e.g. 17 for EEXIST.</summary>
    public int Errno { get; }

    /// <summary>The kernel's own words (NETLINK_EXT_ACK), when it gave any.</summary>
    public string? KernelMessage { get; }

    internal static NetlinkException FromLastError(string operation) => new(operation, Marshal.GetLastPInvokeError());

    private static string Describe(string operation, int errno, string? kernelMessage)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"Cannot {operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        if (kernelMessage is not null)
            text += ". The kernel says: " + kernelMessage;
        if (errno == Netlink.Errno.PermissionDenied)
            text += ". It needs CAP_NET_ADMIN in this network namespace.";
        return text;
    }
}
