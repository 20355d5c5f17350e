using System.Buffers.Binary;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Fuzzing;

/// <summary>An input is up to a batch of frames, each after its length (16 bits, big-endian) and a byte that says what the link knows of it.</summary>
internal static class FuzzInput
{
    private const int FilesOfCorpus = 64;

    public static void Play(ReadOnlySpan<byte> input)
    {
        using FuzzedToe toe = new();
        Microseconds now = Microseconds.FromSeconds(10);
        while (input.Length > 3)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(input) & 0x7ff, Math.Min(FrameMutator.Longest, input.Length - 3));
            byte known = input[2];
            input.Slice(3, length).CopyTo(toe.Next);
            input = input[(3 + length)..];

            // Else no checksum that is guessed gets any further.
            bool isFull = toe.Add(length, ChecksumStatus.Good, (ushort)(known & 0x7f));
            if (isFull || known >= 0x80)
            {
                now += new Microseconds(known * 10_000L);
                toe.Deliver(now);
                toe.Clear();
                toe[known % FuzzedToe.Connections].Use(reads: true, new byte[known]);
            }
        }

        toe.Deliver(now);
    }

    public static void WriteCorpus(string folder)
    {
        Directory.CreateDirectory(folder);
        using FuzzedToe toe = new();
        byte[] frame = new byte[FrameMutator.Longest];
        for (int file = 0; file < FilesOfCorpus; file++)
        {
            FrameMutator mutator = new((ulong)file);
            using FileStream output = File.Create(Path.Combine(folder, $"{file:d2}"));
            for (int i = 0; i < 4; i++)
            {
                int number = (file + i) % FuzzedToe.Connections;
                int length = mutator.Write(frame, Flows.Of(number), toe[number].Variants);
                output.Write([(byte)(length >> 8), (byte)length, (byte)(i == 3 ? 0x80 + number : 0)]);
                output.Write(frame.AsSpan(0, length));
            }
        }
    }
}
