namespace TcpActors.Transport.Steering;

/// <summary>What a steering does. The specs switch one part off to show what it is there for; nobody else does.</summary>
/// <param name="MarkReceived">Received frames of owned flows bear the owner's mark, by which its link takes them.</param>
/// <param name="DropInKernel">What bears a mark does not reach the kernel's own stack.</param>
/// <param name="FenceSent">For an owned flow only frames with the owner's mark leave.</param>
internal sealed record SteeringParts(bool MarkReceived = true, bool DropInKernel = true, bool FenceSent = true);
