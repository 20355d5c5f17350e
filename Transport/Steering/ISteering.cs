using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Steering;

/// <summary>
/// Decides for each frame of an interface who sees it and who may send it: the kernel, or the TOE that owns the frame's flow. A received
/// frame of an owned flow bears the owner's incarnation as its mark and goes past the kernel's IP; a frame to be sent for an owned flow leaves
/// only with that mark.
/// </summary>
/// <remarks>
/// A flow is named as its owner sees it: local is us, remote is the peer. All members may be called from any thread, except that
/// <see cref="Attach"/> counts interfaces in the network namespace of the calling thread. Errors are <see cref="SteeringException"/>.
/// </remarks>
public interface ISteering : IDisposable
{
    /// <summary>What does the steering, for logs and status: one line.</summary>
    string Description { get; }

    /// <summary>Frames marked and frames stopped since this object was made.</summary>
    SteeringCounters Counters { get; }

    /// <summary>Steers an interface. Flows claimed before are steered there too. Does nothing when it is steered already.</summary>
    /// <exception cref="SteeringException">There is no such interface, or the kernel refused.</exception>
    void Attach(int ifIndex);

    /// <summary>Ends the steering of an interface. Does nothing when it is not steered.</summary>
    void Detach(int ifIndex);

    /// <summary>
    /// Gives a flow to the TOE that bears <paramref name="incarnation"/>, whoever had it. When this returns every frame that arrives later is
    /// marked, and no frame without that mark leaves. A frame already past the interface's ingress may still reach the former owner.
    /// </summary>
    /// <exception cref="SteeringFullException">No more flows can be steered.</exception>
    void Claim(in FlowKey flow, uint incarnation);

    /// <summary>Claims many flows, in order. Not all or nothing: <see cref="SteeringFullException.Done"/> tells how many were claimed.</summary>
    /// <exception cref="SteeringFullException">No more flows can be steered.</exception>
    void Claim(ReadOnlySpan<FlowKey> flows, uint incarnation);

    /// <summary>Gives a flow back to the kernel. Does nothing when nobody owns it.</summary>
    void Release(in FlowKey flow);

    /// <summary>Gives many flows back to the kernel; those that nobody owns are passed over.</summary>
    void Release(ReadOnlySpan<FlowKey> flows);
}
