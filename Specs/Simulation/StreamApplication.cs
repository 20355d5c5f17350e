using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>How an application writes and reads.</summary>
internal sealed record Behaviour
{
    /// <summary>
    /// Reads whatever comes and writes as soon as it is told to (<see cref="EngineNode.Writes"/>), as much as the buffer takes.
    /// </summary>
    public static Behaviour Bulk { get; } = new();

    /// <summary>Small messages at irregular times.</summary>
    public static Behaviour Chatty { get; } = new()
    {
        WriteSize = 600,
        WritePause = Microseconds.FromMilliseconds(5),
        ReadPause = Microseconds.FromMilliseconds(1),
        IsIrregular = true,
    };

    /// <summary>Reads less than comes, so that the window closes.</summary>
    public static Behaviour SlowReader { get; } = new() { ReadSize = 20_000, ReadPause = Microseconds.FromMilliseconds(20) };

    /// <summary>Bursts, with pauses longer than a time-out between them.</summary>
    public static Behaviour StopAndGo { get; } = new() { WriteSize = 300_000, WritePause = Microseconds.FromSeconds(1.5) };

    /// <summary>Bytes to write in all.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes written at a turn, at most.</summary>
    public int WriteSize { get; init; } = int.MaxValue;

    /// <summary>Time between two turns of writing.</summary>
    public Microseconds WritePause { get; init; }

    /// <summary>Bytes read at a turn, at most.</summary>
    public int ReadSize { get; init; } = int.MaxValue;

    /// <summary>Time between two turns of reading.</summary>
    public Microseconds ReadPause { get; init; }

    /// <summary>Whether sizes and pauses are drawn: 1 to the size, 0 to twice the pause.</summary>
    public bool IsIrregular { get; init; }
}

/// <summary>
/// The application at one end: writes bytes that say at which place of the stream they stand, and checks those that it reads, so that a
/// byte lost, doubled or out of place is seen where it happens.
/// </summary>
internal sealed class StreamApplication
{
    private const int Word = sizeof(ulong);

    private readonly World _world;
    private readonly string _name;
    private readonly ConnectionMemory _memory;
    private readonly Dice _dice;
    private readonly ulong _ours;
    private readonly ulong _theirs;
    private Microseconds _writeAt;
    private Microseconds _readAt;

    public StreamApplication(World world, string name, ConnectionMemory memory, NodeSetup setup)
    {
        (_world, _name, _memory, _dice) = (world, name, memory, world.Dice.Fork($"{name} application"));

        // Each stream's words differ, so that one cannot be taken for the other.
        _ours = SaltOf(setup.Variants.SndUna, setup.Connection.Flow.LocalPort);
        _theirs = SaltOf(setup.Variants.RcvNxt, setup.Connection.Flow.RemotePort);
    }

    public Behaviour Behaviour { get; set; } = Behaviour.Bulk;

    /// <summary>Whether it takes whatever bytes come: where somebody on the path writes what he likes.</summary>
    public bool TakesAnything { get; set; }

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes read so far, all of them right unless it takes anything.</summary>
    public long Read { get; private set; }

    /// <summary>When it has something to do that it can do; <see cref="Microseconds.Never"/>: not until segments come.</summary>
    public Microseconds NextTurn => Microseconds.Min(
        CanWrite ? Microseconds.Max(_writeAt, _world.Now) : Microseconds.Never,
        CanRead ? Microseconds.Max(_readAt, _world.Now) : Microseconds.Never);

    private bool CanWrite => Written < Behaviour.Bytes && _memory.Send.Count < _memory.Send.Allowance;

    private bool CanRead => _memory.Receive.Unread > 0;

    /// <summary>Writes and reads what it can and wants to now.</summary>
    /// <returns>Whether it did anything.</returns>
    public bool Turn()
    {
        long before = Written;
        if (CanWrite && _writeAt <= _world.Now)
        {
            Write(Size(Behaviour.WriteSize, Behaviour.Bytes - Written));
            _writeAt = _world.Now + Pause(Behaviour.WritePause);
        }

        bool didRead = CanRead && _readAt <= _world.Now;
        if (didRead)
        {
            ReadAndCheck((int)Size(Behaviour.ReadSize, _memory.Receive.Unread));
            _readAt = _world.Now + Pause(Behaviour.ReadPause);
        }

        return didRead || Written > before;
    }

    /// <summary>Bytes of the stream that the peer is to send.</summary>
    public byte[] TheirBytes(long position, int count)
    {
        byte[] bytes = new byte[count];
        Fill(bytes, position, _theirs);
        return bytes;
    }

    /// <summary>Whether these are the bytes that this application writes there.</summary>
    public bool AreOurs(ReadOnlySpan<byte> bytes, long position) => FirstWrong(bytes, position, _ours) < 0;

    private static ulong SaltOf(SeqNum first, ushort port) => (((ulong)port << 32) | first.Value) * 0x9e3779b97f4a7c15;

    private long Size(int most, long available) =>
        Math.Min(Behaviour.IsIrregular && most < int.MaxValue ? 1 + _dice.Below(most) : most, available);

    private Microseconds Pause(Microseconds usual) =>
        Behaviour.IsIrregular ? new Microseconds(_dice.Below((2 * usual.Value) + 1)) : usual;

    private void Write(long count)
    {
        while (count > 0 && _memory.Send.TryGetMemory(out Memory<byte> memory, out _))
        {
            Span<byte> span = memory.Span[..(int)Math.Min(count, memory.Length)];
            Fill(span, Written, _ours);
            _memory.Send.Advance(span.Length);
            Written += span.Length;
            count -= span.Length;
        }
    }

    private void ReadAndCheck(int count)
    {
        foreach (ReadOnlyMemory<byte> piece in _memory.Receive.GetReadable().Slice(0, count))
        {
            long wrong = TakesAnything ? -1 : FirstWrong(piece.Span, Read, _theirs);
            if (wrong >= 0)
            {
                throw new SimulationException($"{_name}: byte {Read + wrong} of the stream is not the one that was written there.");
            }

            Read += piece.Length;
        }

        _memory.Receive.Consume(count);
    }

    private static void Fill(Span<byte> bytes, long position, ulong salt)
    {
        for (; !bytes.IsEmpty && (position & (Word - 1)) != 0; bytes = bytes[1..])
        {
            bytes[0] = ByteAt(position++, salt);
        }

        ulong word = (ulong)position / Word;
        foreach (ref ulong place in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            place = WordAt(word++, salt);
        }

        int whole = bytes.Length & ~(Word - 1);
        for (int i = whole; i < bytes.Length; i++)
        {
            bytes[i] = ByteAt(position + i, salt);
        }
    }

    private static long FirstWrong(ReadOnlySpan<byte> bytes, long position, ulong salt)
    {
        for (int i = 0; i < bytes.Length;)
        {
            bool isWord = ((position + i) & (Word - 1)) == 0 && bytes.Length - i >= Word;
            if (isWord && BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..]) == WordAt((ulong)(position + i) / Word, salt))
            {
                i += Word;
            }
            else if (bytes[i] == ByteAt(position + i, salt))
            {
                i++;
            }
            else
            {
                return i;
            }
        }

        return -1;
    }

    private static ulong WordAt(ulong index, ulong salt)
    {
        ulong word = (index + 1) * 0xd1342543de82ef95 ^ salt;
        return BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
    }

    private static byte ByteAt(long position, ulong salt)
    {
        ulong word = ((ulong)position / Word + 1) * 0xd1342543de82ef95 ^ salt;
        return (byte)(word >> (int)(8 * (position & (Word - 1))));
    }
}
