using System.Net;
using TcpActors.HostSide.Managed;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Host;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Simulation;

/// <summary>The managed host over simulated links: a connection's whole life.</summary>
public class ManagedHostSpecs
{
    private static readonly IPAddress AddressOfA = IPAddress.Parse("10.0.0.1");
    private static readonly IPAddress AddressOfB = IPAddress.Parse("10.0.0.2");

    [Fact]
    public void A_connection_opens_carries_and_closes_over_a_bad_path() => Replay.RunMany(0x3A7, 5, Live);

    [Fact]
    public void Its_life_is_the_same_to_the_bit_with_the_same_seed() =>
        Assert.Equal(Replay.HashOf(0x3A7, Live), Replay.HashOf(0x3A7, Live));

    private static void Live(World world)
    {
        SimulatedCable cable = new(world, "cable", new CableOptions { Rate = 10.Mbit, Delay = 10.ms, QueueBytes = 64.KiB });
        Faults faults = new() { Loss = 0.03, Reordering = 0.02, Duplication = 0.02, Corruption = 0.01 };
        ManagedSide a = Side(world, cable.A, AddressOfA, faults);
        ManagedSide b = Side(world, cable.B, AddressOfB, faults);
        a.Stack.SetNeighbor(AddressOfB, cable.B.Address);
        b.Stack.SetNeighbor(AddressOfA, cable.A.Address);
        ManagedListener listener = a.Stack.Listen(new IPEndPoint(AddressOfA, 80), backlog: 4);

        Task<ManagedHalf> connecting = b.Stack.ConnectAsync(listener.Local);
        ManagedHalf? accepted = null;
        world.RunUntil(() => connecting.IsCompleted && listener.TryAccept(out accepted), 60.s);
        ManagedEnd atA = new(a, accepted!);
        ManagedEnd atB = b.EndOf(connecting);

        byte[] sent = new byte[200_000];
        world.Dice.Fork("payload").Fill(sent);
        atB.Write(sent);
        List<byte> read = [];
        world.RunUntil(
            () =>
            {
                read.AddRange(atA.ReadAll());
                return read.Count >= sent.Length;
            },
            120.s);
        Assert.Equal(sent, read);

        atA.Half.Close();
        atB.Half.Close();
        world.RunFor(600.s);
        Assert.Equal(["end of input", "closed"], atA.Told);
        Assert.Equal(["end of input", "closed"], atB.Told);
        Assert.Equal(0, a.Stack.Count + b.Stack.Count);
    }

    private static ManagedSide Side(World world, ILink link, IPAddress address, Faults faults)
    {
        ILink faulty = world.Captured(new FaultyLink(link, world, faults));
        ManagedNode node = new(new ManagedSide(faulty, world.Time, address, new ManagedPairOptions(), new HandshakeOptions(), system: null));
        node.Side.Tap.Records = false;
        return world.Add(node).Side;
    }
}
