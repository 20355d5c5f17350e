using TcpActors.Transport.Linux.Bpf;

namespace TcpActors.Transport.Steering;

/// <summary>Chooses the way of steering that this process may use: eBPF where it can be loaded, else what the caller names.</summary>
public static class SteeringFactory
{
    /// <summary>
    /// Tries eBPF by loading it: neither the user id nor the kernel's version tells whether that is allowed.
    /// </summary>
    /// <param name="marks">The marks of this process instance.</param>
    /// <param name="withoutBpf">Makes the other way of steering (nftables). Gets the reason why eBPF is not to be had, for the log.</param>
    /// <exception cref="SteeringUnavailableException">Neither can be had; the message has both reasons.</exception>
    public static ISteering Create(IncarnationMarks marks, Func<SteeringUnavailableException, ISteering> withoutBpf) =>
        Create(() => BpfSteering.Create(marks), withoutBpf);

    internal static ISteering Create(Func<ISteering> withBpf, Func<SteeringUnavailableException, ISteering> withoutBpf)
    {
        SteeringUnavailableException whyNotBpf;
        try
        {
            return withBpf();
        }
        catch (SteeringUnavailableException e)
        {
            whyNotBpf = e;
        }

        try
        {
            return withoutBpf(whyNotBpf);
        }
        catch (SteeringUnavailableException e)
        {
            throw new SteeringUnavailableException(
                "TcpActors may not steer frames here: it needs CAP_NET_ADMIN and CAP_NET_RAW in its network namespace. Run it as root, or in "
                + $"a namespace of your own ('unshare -Urn').\n  eBPF: {whyNotBpf.Message}\n  nftables: {e.Message}", e);
        }
    }
}
