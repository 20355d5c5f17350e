using System.Net;
using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>A connection between two engines over a cable of its own, whose ends are faulty links.</summary>
internal sealed record SimulatedFlow(EngineNode A, EngineNode B, FaultyLink LinkOfA, FaultyLink LinkOfB, SimulatedCable Cable)
{
    public void Deconstruct(out EngineNode a, out EngineNode b) => (a, b) = (A, B);
}

/// <summary>How worlds are furnished.</summary>
internal static class Furnishing
{
    extension(World world)
    {
        /// <summary>Two engines with an established connection, both started.</summary>
        public SimulatedFlow Pair(Scenario scenario) => world.Flow(scenario, "", shared: null);

        /// <summary>
        /// Connections that share the bottleneck of the first one's path from A to B; each has its own way back, round trip, faults and
        /// congestion control.
        /// </summary>
        public IReadOnlyList<SimulatedFlow> Share(IReadOnlyList<Scenario> scenarios)
        {
            Bottleneck shared = new(world, scenarios[0].Rate, scenarios[0].QueueBytes, scenarios[0].MarkAbove);
            return [.. scenarios.Select((scenario, i) => world.Flow(scenario, $"{i + 1}", shared))];
        }

        /// <summary>
        /// An engine, started, that talks to a peer whose every segment the spec writes; over a path without delay unless it is given.
        /// </summary>
        public ScriptedPeer Peer(Scenario? scenario = null, uint first = 1000, uint peerFirst = 5000)
        {
            scenario ??= new Scenario { Rate = 0, Rtt = Microseconds.Zero, Buffer = 50_000, Timestamps = false, Sack = false, Mtu = 1040 };
            SimulatedCable cable = new(world, "cable", scenario.Cable());
            (IPEndPoint a, IPEndPoint b) = Addresses(1);
            FaultyLink link = new(cable.A, world, scenario.Faults);
            NodeSetup setup = scenario.Node(cable.A, cable.B, a, b, new SeqNum(first), new SeqNum(peerFirst));
            EngineNode engine = new(world, "engine", world.Captured(link), setup);
            ScriptedPeer peer = new(world, cable.B, engine);
            world.Add(engine);
            world.Add(peer);
            engine.Start();
            return peer;
        }

        private SimulatedFlow Flow(Scenario scenario, string number, Bottleneck? shared)
        {
            SimulatedCable cable = new(world, $"cable{number}", scenario.Cable(shared), scenario.Cable());
            FaultyLink linkOfA = new(cable.A, world, scenario.Faults);
            FaultyLink linkOfB = new(cable.B, world, scenario.FaultsBack);
            (IPEndPoint a, IPEndPoint b) = Addresses(number.Length == 0 ? 1 : int.Parse(number));

            // Near the wrap of the sequence space, which every longer run passes.
            Dice dice = world.Dice.Fork($"sequence{number}");
            (SeqNum first, SeqNum peerFirst) = (new SeqNum(0u - (uint)dice.Below(4.MiB)), new SeqNum(0u - (uint)dice.Below(4.MiB)));
            EngineNode nodeA = new(world, $"A{number}", world.Captured(linkOfA), scenario.Node(cable.A, cable.B, a, b, first, peerFirst));
            EngineNode nodeB = new(world, $"B{number}", world.Captured(linkOfB), scenario.Node(cable.B, cable.A, b, a, peerFirst, first));
            world.Add(nodeA);
            world.Add(nodeB);
            nodeA.Start();
            nodeB.Start();
            return new SimulatedFlow(nodeA, nodeB, linkOfA, linkOfB, cable);
        }
    }

    private static (IPEndPoint A, IPEndPoint B) Addresses(int number) =>
        (new IPEndPoint(new IPAddress([10, 0, (byte)number, 1]), 80), new IPEndPoint(new IPAddress([10, 0, (byte)number, 2]), 40000));
}
