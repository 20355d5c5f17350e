using System.Security.Cryptography;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Random bytes both ways, compared by their hashes.</summary>
internal static class ManagedExchange
{
    public static void Run(ManagedPair pair, ManagedEnd a, ManagedEnd b, int bytes, int seed, Action<int>? betweenRounds = null)
    {
        var random = new Random(seed);
        var fromA = new Stream(a, b, bytes, random);
        var fromB = new Stream(b, a, bytes, random);
        Microseconds deadline = pair.Now + Microseconds.FromSeconds(600);
        for (int round = 0; !(fromA.IsDone && fromB.IsDone); round++)
        {
            fromA.Offer();
            fromB.Offer();
            pair.Settle();
            fromA.Take();
            fromB.Take();
            pair.Settle();
            betweenRounds?.Invoke(round);
            pair.Pass(Microseconds.FromMilliseconds(1));
            Assert.True(pair.Now < deadline, $"seed {seed}: stalled at {fromA.Taken} and {fromB.Taken} of {bytes} bytes");
        }

        Assert.True(fromA.IsEqual && fromB.IsEqual, $"seed {seed}: other bytes came than were sent");
    }

    private sealed class Stream(ManagedEnd from, ManagedEnd to, int length, Random random)
    {
        private readonly byte[] _bytes = Fill(new byte[length], random);
        private readonly MemoryStream _taken = new();
        private int _offered;

        public bool IsDone => _taken.Length == length;

        public long Taken => _taken.Length;

        public bool IsEqual => SHA256.HashData(_bytes).AsSpan().SequenceEqual(SHA256.HashData(_taken.ToArray()));

        public void Offer()
        {
            int count = Math.Min(random.Next(1, 200_000), Math.Min(length - _offered, from.Send.Limit - from.Send.Count));
            if (count > 0)
            {
                from.Write(_bytes.AsSpan(_offered, count));
                _offered += count;
            }
        }

        public void Take()
        {
            // Now and then the reader is slow.
            if (random.Next(4) > 0)
            {
                _taken.Write(to.ReadAll());
            }
        }

        private static byte[] Fill(byte[] bytes, Random random)
        {
            random.NextBytes(bytes);
            return bytes;
        }
    }
}
