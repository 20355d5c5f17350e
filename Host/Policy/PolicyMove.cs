using TcpActors.Actors.Contract;

namespace TcpActors.HostSide.Policy;

/// <summary>A move that a policy has brought about.</summary>
/// <param name="Connection">Which connection.</param>
/// <param name="ToToe">Whether it is an offload.</param>
/// <param name="Toe">The TOE whose place it has or is to have; null: not known.</param>
/// <param name="Reason">For the log.</param>
internal readonly record struct PolicyMove(ConnectionId Connection, bool ToToe, string? Toe, string Reason);
