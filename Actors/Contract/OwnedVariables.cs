using System.Runtime.CompilerServices;
using TcpActors.Engine.State;

namespace TcpActors.Actors.Contract;

/// <summary>
/// The right to write one connection's segment-variant variables, with the variables. There is one live instance for a connection at any
/// instant: <see cref="HandOver()"/> ends this one and makes the next, one epoch later. Using an instance that was handed over throws.
/// </summary>
public sealed class OwnedVariables
{
    private StrongBox<SegmentVariants>? _variants;
    private int _handedOver;

    /// <param name="connection">Whose variables these are.</param>
    /// <param name="epoch">The epoch of this ownership.</param>
    /// <param name="variants">The variables; deadlines as times remaining while they travel.</param>
    public OwnedVariables(ConnectionId connection, Epoch epoch, in SegmentVariants variants) =>
        (Connection, Epoch, _variants) = (connection, epoch, new StrongBox<SegmentVariants>(variants));

    public ConnectionId Connection { get; }

    public Epoch Epoch { get; }

    /// <summary>The variables, to read and to write.</summary>
    /// <exception cref="OwnershipException">When this ownership was handed over.</exception>
    public ref SegmentVariants Variants
    {
        get
        {
            if (Volatile.Read(ref _handedOver) != 0)
            {
                throw new OwnershipException(
                    $"The variables of connection {Connection} were handed over in epoch {Epoch}: this side may not use them any more.");
            }

            StrongBox<SegmentVariants> variants = _variants ?? throw new OwnershipException(
                $"The variables of connection {Connection} are in its commit slot: its owner works on them.");
            return ref variants.Value;
        }
    }

    /// <summary>Ends this ownership and returns the next owner's.</summary>
    /// <exception cref="OwnershipException">When it was handed over before.</exception>
    public OwnedVariables HandOver() => HandOver(in Variants);

    /// <summary>Ends this ownership and returns the next owner's, who begins with these variables.</summary>
    /// <exception cref="OwnershipException">When it was handed over before.</exception>
    public OwnedVariables HandOver(in SegmentVariants variants)
    {
        if (Interlocked.Exchange(ref _handedOver, 1) != 0)
        {
            throw new OwnershipException($"The variables of connection {Connection} were handed over in epoch {Epoch} before.");
        }

        return new OwnedVariables(Connection, Epoch.Next, in variants);
    }

    /// <summary>
    /// The owner has them in the commit slot and works on a copy of its own: from now on this is only the right to write them, until it is
    /// handed over.
    /// </summary>
    public void LeaveInSlot() => _variants = null;
}
