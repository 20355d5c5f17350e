using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Host;

/// <summary>A segment that was given to a link, lost or not.</summary>
internal sealed record SentSegment(ushort SourcePort, SeqNum Seq, SeqNum Ack, TcpFlags Flags, TcpOptions Options, int Length, byte[] Frame)
{
    /// <summary>Whether it has these flags and no other; PSH aside, and with SYN what offers ECN.</summary>
    public bool Is(TcpFlags flags) =>
        (Flags & ~TcpFlags.Psh & ~(Flags.HasFlag(TcpFlags.Syn) ? TcpFlags.Ece | TcpFlags.Cwr : TcpFlags.None)) == flags;
}

/// <summary>A link's end with a tap: records what is sent through it and loses what a spec says.</summary>
internal sealed class ManagedTap(ILink link) : LinkWithin(link)
{
    public List<SentSegment> Sent { get; } = [];

    /// <summary>Asked for each segment; true: it is lost.</summary>
    public Func<SentSegment, bool> Loses { get; set; } = static _ => false;

    public bool Records { get; set; } = true;

    public override int Send(ReadOnlySpan<TxFrame> frames)
    {
        int sent = 0;
        foreach (ref readonly TxFrame frame in frames)
        {
            SentSegment segment = Parse(in frame);
            if (Records)
            {
                Sent.Add(segment);
            }

            sent += Loses(segment) ? 1 : Inner.Send(new ReadOnlySpan<TxFrame>(in frame));
        }

        return sent;
    }

    private static SentSegment Parse(in TxFrame frame)
    {
        byte[] bytes = BytesOf(in frame);
        Xunit.Assert.True(IpFrame.TryParse(bytes, out IpFrame ip));
        Xunit.Assert.True(TcpSegment.TryParse(ip.PayloadOf(bytes), out TcpSegment segment));
        return new SentSegment(
            segment.SourcePort, segment.Seq, segment.Ack, segment.Flags, segment.Options, segment.Payload.Length, bytes);
    }
}
