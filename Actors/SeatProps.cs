using Akka.Actor;

namespace TcpActors.Actors;

/// <summary>
/// How to make the actor of one seat, which is its producer. Stock props have a deployment and an array of arguments for each actor; these
/// share the one and do without the other.
/// </summary>
internal sealed class SeatProps : Props
{
    private static readonly Deploy s_deploy =
        Deploy.None.WithDispatcher("tcpactors.connection-dispatcher").WithMailbox("tcpactors.connection-mailbox");

    public SeatProps(ConnectionSeat seat)
        : base(CreateBy(seat)) => Deploy = s_deploy;
}
