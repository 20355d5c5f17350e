using System.Net;
using System.Text;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using Xunit;
using static TcpActors.Engine.Wire.TcpFlags;

namespace TcpActors.Specs.Host;

/// <summary>Explicit congestion notification between set-up and end: RFC 3168 6.1.1, and what is sent as ECN-capable.</summary>
public sealed class ManagedEcnSpecs
{
    private const byte Capable = 2;
    private const byte CongestionExperienced = 3;

    // 6.1.1: an ECN-setup SYN has both flags, and only that is answered by an ECN-setup SYN,ACK.
    [Theory]
    [InlineData(Syn | Ece | Cwr, true, Syn | Ack | Ece)]
    [InlineData(Syn | Ece | Cwr, false, Syn | Ack)]
    [InlineData(Syn | Ece, true, Syn | Ack)]
    [InlineData(Syn | Cwr, true, Syn | Ack)]
    [InlineData(Syn, true, Syn | Ack)]
    public void A_SYN_is_answered_as_it_asked(TcpFlags syn, bool offers, TcpFlags expected)
    {
        using ManagedPair pair = Pair(offers);
        ToA(pair, 700, default, syn);
        SentSegment answer = Assert.Single(pair.A.Tap.Sent);
        Assert.Equal(expected, answer.Flags);
        Assert.Equal(0, EcnOf(answer));
        ToA(pair, 701, answer.Seq + 1, Ack);
        Assert.Equal(expected.HasFlag(Ece), IsNegotiated(pair, Accepted(pair)));
    }

    // 6.1.1.1: a peer that tries without them has given up, as its path takes such a SYN for an attack.
    [Fact]
    public void A_SYN_that_comes_again_without_the_flags_is_answered_without()
    {
        using ManagedPair pair = Pair();
        ToA(pair, 700, default, Syn | Ece | Cwr);
        ToA(pair, 700, default, Syn);
        Assert.Equal([Syn | Ack | Ece, Syn | Ack], pair.A.Tap.Sent.Select(sent => sent.Flags));
        ToA(pair, 701, pair.A.Tap.Sent[0].Seq + 1, Ack);
        Assert.False(IsNegotiated(pair, Accepted(pair)));
    }

    // 6.1.1: "ECN-setup SYN-ACK"; both flags come from a peer that sends back what it does not know.
    [Theory]
    [InlineData(Syn | Ack | Ece, true)]
    [InlineData(Syn | Ack, false)]
    [InlineData(Syn | Ack | Cwr, false)]
    [InlineData(Syn | Ack | Ece | Cwr, false)]
    public void Who_connects_asks_and_believes_only_the_one_answer(TcpFlags answer, bool expected)
    {
        using ManagedPair pair = Pair();
        pair.B.Tap.Loses = static _ => true;
        Task<ManagedHalf> connecting = pair.Connect();
        SentSegment syn = Assert.Single(pair.B.Tap.Sent);
        Assert.Equal((Syn | Ece | Cwr, 0), (syn.Flags, EcnOf(syn)));
        pair.A.SendRaw(new FrameBuilder
        {
            SourceMac = pair.A.Tap.Address,
            DestinationMac = pair.B.Tap.Address,
            Flow = FlowKey.From(pair.Listener.Local, new IPEndPoint(pair.B.Address, syn.SourcePort)),
            Seq = new SeqNum(900),
            Ack = syn.Seq + 1,
            Flags = answer,
            Window = 1000,
        }.ToArray());
        pair.B.Step();
        ManagedEnd end = pair.B.EndOf(connecting);
        var taken = Assert.IsType<TakeOut.Taken>(end.Half.TakeOutAlone(pair.B.Gate));
        Assert.Equal(expected, taken.Connection.EcnNegotiated);
    }

    // 6.1.4: data is ECN-capable; acknowledgements, a FIN by itself and a reset are not.
    [Fact]
    public void Data_is_ECN_capable_and_nothing_else_that_a_connection_sends()
    {
        using ManagedPair pair = Pair();
        (ManagedEnd a, ManagedEnd b) = pair.Establish();
        a.Write(new byte[3000]);
        pair.Settle();
        b.ReadAll();
        a.Half.ShutdownSend();
        pair.Settle();
        b.Write(new byte[1000]);
        b.Half.ShutdownSend();
        pair.Settle();
        Assert.Contains(pair.A.Tap.Sent, static sent => sent is { Length: 0 } && sent.Flags.HasFlag(Fin));
        Assert.All(
            pair.A.Tap.Sent.Concat(pair.B.Tap.Sent), static sent => Assert.Equal(sent.Length > 0 ? Capable : 0, EcnOf(sent)));
    }

    // What comes before the application has taken the connection counts as well.
    [Fact]
    public void A_mark_on_what_was_kept_until_the_start_is_echoed()
    {
        using ManagedPair pair = Pair();
        ToA(pair, 700, default, Syn | Ece | Cwr);
        SeqNum ack = pair.A.Tap.Sent[0].Seq + 1;
        ToA(pair, 701, ack, Ack);
        ToA(pair, 701, ack, Ack | Psh, "text", CongestionExperienced);
        pair.A.Tap.Sent.Clear();
        Accepted(pair);
        Assert.Equal(Ack | Ece, Assert.Single(pair.A.Tap.Sent).Flags);
    }

    private static ManagedPair Pair(bool offers = true) => new(new ManagedPairOptions { HandshakeA = new HandshakeOptions { Ecn = offers } });

    private static byte EcnOf(SentSegment sent)
    {
        Assert.True(IpFrame.TryParse(sent.Frame, out IpFrame ip));
        return ip.Ecn;
    }

    private static ManagedEnd Accepted(ManagedPair pair)
    {
        Assert.True(pair.Listener.TryAccept(out ManagedHalf? half));
        return new ManagedEnd(pair.A, half);
    }

    private static bool IsNegotiated(ManagedPair pair, ManagedEnd atA) =>
        Assert.IsType<TakeOut.Taken>(atA.Half.TakeOutAlone(pair.A.Gate)).Connection.EcnNegotiated;

    private static void ToA(ManagedPair pair, uint seq, SeqNum ack, TcpFlags flags, string payload = "", byte ecn = 0)
    {
        pair.B.SendRaw(new FrameBuilder
        {
            SourceMac = pair.B.Tap.Address,
            DestinationMac = pair.A.Tap.Address,
            Flow = FlowKey.From(new IPEndPoint(pair.B.Address, 40_000), pair.Listener.Local),
            Tos = ecn,
            Seq = new SeqNum(seq),
            Ack = ack,
            Flags = flags,
            Window = 1000,
            Payload = Encoding.ASCII.GetBytes(payload),
        }.ToArray());
        pair.A.Step();
    }
}
