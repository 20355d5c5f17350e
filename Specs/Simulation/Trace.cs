using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// What has happened in a world: the last events as text, and a running SHA-256 of all of them with the headers of every frame, by which
/// two runs are compared to the bit. Text is made only of what is looked at.
/// </summary>
internal sealed class Trace(World world) : IDisposable
{
    private const int Kept = 256;
    private const int HeaderKept = HeaderTemplate.MaxLength;

    private readonly Entry[] _ring = [.. Enumerable.Range(0, Kept).Select(static _ => new Entry())];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _unhashed = new byte[16384];
    private int _unhashedLength;
    private long _count;
    private TextWriter? _follower;

    /// <summary>The hash of all events so far, in hexadecimal.</summary>
    public string Hash
    {
        get
        {
            HashPending();
            return Convert.ToHexString(_hash.GetCurrentHash());
        }
    }

    public long Count => _count;

    /// <summary>From now on every event is written there as well.</summary>
    public void Follow(TextWriter writer) => _follower = writer;

    /// <summary>Something happened.</summary>
    /// <param name="where">Who says so: a link or a node.</param>
    /// <param name="what">What happened, in words that never change.</param>
    /// <param name="value">A number that belongs to it.</param>
    public void Add(string where, string what, long value = 0)
    {
        Entry entry = Begin(where, what, value, 0);
        End(entry);
    }

    /// <summary>Something happened to a frame.</summary>
    public unsafe void Add(string where, string what, in TxFrame frame, long value = 0)
    {
        Entry entry = Begin(where, what, value, frame.Length);
        ReadOnlySpan<byte> header = new(frame.Header, Math.Min(frame.HeaderLength, HeaderKept));
        header.CopyTo(entry.Header);
        entry.HeaderLength = header.Length;
        End(entry);
    }

    /// <inheritdoc cref="Add(string, string, in TxFrame, long)"/>
    public void Add(string where, string what, ReadOnlySpan<byte> frame, long value = 0)
    {
        Entry entry = Begin(where, what, value, frame.Length);
        ReadOnlySpan<byte> header = frame[..Math.Min(frame.Length, HeaderKept)];
        header.CopyTo(entry.Header);
        entry.HeaderLength = header.Length;
        End(entry);
    }

    /// <summary>The last events, one a line, the oldest first.</summary>
    public string Tail(int lines = 60)
    {
        StringBuilder text = new();
        for (long i = Math.Max(0, _count - Math.Min(lines, Kept)); i < _count; i++)
        {
            text.Append(Describe(_ring[i % Kept])).Append('\n');
        }

        return text.ToString();
    }

    public void Dispose() => _hash.Dispose();

    private Entry Begin(string where, string what, long value, int length)
    {
        Entry entry = _ring[_count++ % Kept];
        (entry.At, entry.Where, entry.What, entry.Value, entry.Length, entry.HeaderLength) = (world.Now, where, what, value, length, 0);
        return entry;
    }

    private void End(Entry entry)
    {
        Hash64(entry.At.Value);
        Hash64(entry.Value);
        Hash64(entry.Length);
        HashBytes(MemoryMarshal.AsBytes(entry.Where.AsSpan()));
        HashBytes(MemoryMarshal.AsBytes(entry.What.AsSpan()));
        HashBytes(entry.Header.AsSpan(0, entry.HeaderLength));
        _follower?.WriteLine(Describe(entry));
    }

    private void Hash64(long value) => HashBytes(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)));

    private void HashBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _unhashed.Length - _unhashedLength)
        {
            HashPending();
        }

        bytes.CopyTo(_unhashed.AsSpan(_unhashedLength));
        _unhashedLength += bytes.Length;
    }

    private void HashPending()
    {
        _hash.AppendData(_unhashed.AsSpan(0, _unhashedLength));
        _unhashedLength = 0;
    }

    private static string Describe(Entry entry)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{entry.At.Value / 1e6:0.000000} {entry.Where} {entry.What}");
        if (entry.Value != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" {entry.Value}");
        }

        if (entry.HeaderLength > 0)
        {
            // The payload is not kept: as far as lengths go it is missing.
            ReadOnlySpan<byte> header = entry.Header.AsSpan(0, entry.HeaderLength);
            text.Append(IpFrame.TryParse(header, entry.Length - entry.HeaderLength, out IpFrame ip)
                && TcpSegment.TryParse(header[ip.PayloadOffset..], out TcpSegment segment)
                ? Describe(in segment, ip)
                : $" ({entry.Length} bytes that are no segment)");
        }

        return text.ToString();
    }

    private static string Describe(in TcpSegment segment, IpFrame ip)
    {
        StringBuilder text = new();
        int headerLength = TcpSegment.MinHeaderLength + segment.Options.EncodedLength;
        text.Append(CultureInfo.InvariantCulture, $" seq {segment.Seq} ack {segment.Ack} {ip.PayloadLength - headerLength} bytes");
        text.Append(CultureInfo.InvariantCulture, $" window {segment.Window} {segment.Flags}");
        for (int i = 0; i < segment.Options.Sack.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" sack {segment.Options.Sack[i].Left}-{segment.Options.Sack[i].Right}");
        }

        if (segment.Options.HasTimestamps)
        {
            text.Append(CultureInfo.InvariantCulture, $" ts {segment.Options.TsVal} {segment.Options.TsEcr}");
        }

        return ip.Ecn == 0 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" ecn {ip.Ecn}").ToString();
    }

    private sealed class Entry
    {
        public Microseconds At;
        public string Where = "";
        public string What = "";
        public long Value;
        public int Length;
        public int HeaderLength;
        public readonly byte[] Header = new byte[HeaderKept];
    }
}
