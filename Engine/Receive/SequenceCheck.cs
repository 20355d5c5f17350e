using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>The acceptability test of RFC 9293 3.10.7.4, table 6.</summary>
internal static class SequenceCheck
{
    /// <summary>RCV.NXT =&lt; x &lt; RCV.NXT + RCV.WND.</summary>
    public static bool IsInWindow(SeqNum x, SeqNum rcvNxt, uint rcvWnd) => x.Value - rcvNxt.Value < rcvWnd;

    /// <param name="seq">SEG.SEQ.</param>
    /// <param name="length">SEG.LEN: payload, plus one for each of SYN and FIN.</param>
    /// <param name="rcvNxt">RCV.NXT.</param>
    /// <param name="rcvWnd">RCV.WND.</param>
    public static bool IsAcceptable(SeqNum seq, int length, SeqNum rcvNxt, uint rcvWnd) => (length, rcvWnd) switch
    {
        (0, 0) => seq == rcvNxt,
        (0, _) => IsInWindow(seq, rcvNxt, rcvWnd),
        (_, 0) => false,
        _ => IsInWindow(seq, rcvNxt, rcvWnd) || IsInWindow(seq + (length - 1), rcvNxt, rcvWnd),
    };
}
