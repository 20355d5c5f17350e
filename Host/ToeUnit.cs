using TcpActors.Actors;

namespace TcpActors.HostSide;

/// <summary>One TOE as the host sees it: the engine, the gate that steers its flows, the interface it runs on.</summary>
internal sealed record ToeUnit(OffloadEngine Engine, IFlowGate Gate, int InterfaceIndex)
{
    public string Name => Engine.Name;
}
