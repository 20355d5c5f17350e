using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Actors;

/// <summary>A TOE takes segments that reached the host for connections which it has given away, and answers each question.</summary>
public sealed class ContractSpecs : TestKit
{
    private static readonly ConnectionId s_id = new(1);

    private readonly TwoToes _toes;

    public ContractSpecs(ITestOutputHelper output)
        : base(OffloadEngine.ReferenceConfig, "contract", output)
    {
        _toes = new TwoToes(Sys, TestActor, Akka.Actor.ActorRefs.Nobody);
        _toes.Offload();
        ExpectMsg<Toe.Event.Offloaded>();
    }

    [Fact]
    public void What_is_forwarded_is_received_and_acknowledged()
    {
        byte[] packet = Intercept("forwarded"u8);

        Forward(s_id, packet);
        _toes.Settle();

        Assert.Equal("forwarded"u8.ToArray(), _toes.A.ReadAll());
        Assert.Equal(0, _toes.B.Send.Count);
        Assert.Equal(0, _toes.A.Toe.Counters.ForwardsDropped);
    }

    [Fact]
    public void What_is_forwarded_twice_is_received_once()
    {
        byte[] packet = Intercept("once"u8);

        Forward(s_id, packet, packet);
        Forward(s_id, packet);
        _toes.Settle();

        Assert.Equal("once"u8.ToArray(), _toes.A.ReadAll());
    }

    [Fact]
    public void What_is_no_segment_of_that_connection_is_dropped_and_counted()
    {
        byte[] packet = Intercept("mine"u8);
        byte[] otherPort = [.. packet];
        otherPort[21]++;
        byte[] cut = packet[..39];

        Forward(s_id, [], [0x45], cut, otherPort, new byte[100], new byte[100_000]);
        _toes.Settle();

        Assert.Empty(_toes.A.ReadAll());
        Assert.Equal(6, _toes.A.Toe.Counters.ForwardsDropped);
        Forward(s_id, packet);
        _toes.Settle();
        Assert.Equal("mine"u8.ToArray(), _toes.A.ReadAll());
    }

    [Fact]
    public void Whose_connection_is_not_here_hears_it()
    {
        byte[] packet = Intercept("late"u8);
        _toes.A.Tell(new Toe.Command.Upload([s_id]));
        _toes.Settle();
        ExpectMsg<Toe.Event.Uploaded>();

        Forward(s_id, packet);

        Assert.Equal(s_id, ExpectMsg<Toe.Event.NotHere>().Connection);
    }

    [Fact]
    public void Questions_about_several_are_answered_for_each()
    {
        var unknown = new ConnectionId(4711);
        _toes.A.Tell(new Toe.Command.Query([s_id, unknown, s_id]));
        _toes.Settle();

        object[] answers = [.. ReceiveN(3)];
        Assert.Equal(unknown, Assert.Single(answers.OfType<Toe.Event.NotHere>()).Connection);
        Assert.Equal(2, answers.OfType<Toe.Event.Variables>().Count(answer => answer.Connection == s_id));
    }

    /// <summary>While the last bytes wait to be acknowledged the connection is the TOE's, and answers as ever.</summary>
    [Fact]
    public void A_call_behind_an_upload_that_waits_for_the_peer_is_answered_as_before_it()
    {
        byte[] packet = Intercept("more"u8);
        _toes.A.Write(new byte[1000]);
        _toes.A.Step();
        _toes.A.Tell(new Toe.Command.Upload([s_id]));
        _toes.A.Tell(new Toe.Command.Query([s_id]));
        _toes.A.Tell(new Toe.Command.Update { Connections = [new InvariantsUpdate(s_id, _toes.A.Segment with { Version = 2, Ttl = 9 })] });
        _toes.A.Tell(new Toe.Command.Upload([s_id]));
        Forward(s_id, packet);

        Assert.Equal(1000u, ExpectMsg<Toe.Event.Variables>().Variants.Flight);
        Assert.Equal([new UpdatedVersion(s_id, 2)], ExpectMsg<Toe.Event.Updated>().Connections);
        Assert.Equal("more"u8.ToArray(), _toes.A.ReadAll());
        _toes.Settle();
        ExpectMsg<Toe.Event.Uploaded>();
        Assert.Equal(9, Assert.Single(_toes.A.ToHost.PullAll()).Segment.Ttl);
        ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public void A_call_behind_the_end_of_an_upload_hears_that_the_connection_is_not_here()
    {
        _toes.A.Tell(new Toe.Command.Upload([s_id]));
        _toes.Settle();
        ExpectMsg<Toe.Event.Uploaded>();

        _toes.A.Tell(new Toe.Command.Query([s_id]));
        _toes.A.Tell(new Toe.Command.Update { Connections = [new InvariantsUpdate(s_id, _toes.A.Segment with { Version = 2 })] });
        _toes.A.Tell(new Toe.Command.Upload([s_id]));
        _toes.A.Tell(new Toe.Command.Resume([s_id]));
        _toes.A.Tell(Toe.Command.UploadAll.Instance);
        _toes.Settle();

        Assert.All(ReceiveN(4), answer => Assert.Equal(new Toe.Event.NotHere(s_id), answer));
        Assert.Single(_toes.A.ToHost.PullAll());
        ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public void A_question_about_the_TOE_itself_is_answered_with_how_it_is()
    {
        _toes.A.Tell(Toe.Command.Query.OfToe);
        _toes.Settle();

        ToeReading reading = ExpectMsg<Toe.Event.StatisticsReport>().Reading;
        Assert.Equal(("a", true, 100_000), (reading.Name, reading.IsLinkUp, reading.Capacity));
        Assert.Equal((1, 1L), (reading.Connections.Connections, reading.Connections.Taken));
        Assert.Equal(_toes.LinkOfA.Counters, reading.Link);
    }

    protected override void Dispose(bool disposing)
    {
        _toes.Dispose();
        base.Dispose(disposing);
    }

    private void Forward(ConnectionId connection, params byte[][] packets)
    {
        _toes.A.Tell(new Toe.Command.Forward([.. packets.Select(packet => new ForwardedSegment(connection, packet))]));
        _toes.A.Step();
    }

    /// <summary>A packet that B has sent to A and that A's link has not brought.</summary>
    private byte[] Intercept(ReadOnlySpan<byte> text)
    {
        _toes.B.Write(text);
        _toes.B.Step();
        var frames = new RxFrame[8];
        int count = _toes.Cable.A.Receive(frames, Microseconds.Zero);
        // Behind the Ethernet header.
        byte[] last = frames[count - 1].Bytes[14..].ToArray();
        foreach (RxFrame frame in frames.AsSpan(0, count))
        {
            frame.Return();
        }

        return last;
    }
}
