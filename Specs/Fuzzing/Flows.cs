using System.Net;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Fuzzing;

/// <summary>The connections that frames are made for: even numbers over IPv4, odd ones over IPv6.</summary>
internal static class Flows
{
    private static readonly FlowKey[] s_flows = [.. Enumerable.Range(0, FuzzedToe.Connections).Select(Create)];

    public static FlowKey Of(int number) => s_flows[number];

    private static FlowKey Create(int number) => number % 2 == 0
        ? FlowKey.From(IPEndPoint.Parse("10.0.0.1:7"), new IPEndPoint(IPAddress.Parse("10.0.0.2"), 40000 + number))
        : FlowKey.From(IPEndPoint.Parse("[fd77::1]:7"), new IPEndPoint(IPAddress.Parse("fd77::2"), 40000 + number));
}
