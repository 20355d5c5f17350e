using System.Buffers.Binary;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Wire;

public class InternetChecksumSpecs
{
    [Fact]
    public void The_example_of_RFC_1071_section_3_gives_its_sum()
    {
        InternetChecksum checksum = default;
        checksum.Add([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        Assert.Equal(0xddf2, checksum.Sum);
        Assert.Equal(0x220d, checksum.Value);
    }

    [Fact]
    public void Every_length_up_to_2000_gives_what_adding_word_by_word_gives()
    {
        byte[] bytes = Wire.Payload(2000);
        for (int length = 0; length <= bytes.Length; length++)
        {
            Assert.Equal(WordByWord(bytes.AsSpan(0, length)), InternetChecksum.Of(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void All_ones_over_64_KiB_lose_no_carry()
    {
        byte[] bytes = new byte[65536 + 3];
        bytes.AsSpan().Fill(0xff);
        Assert.Equal(WordByWord(bytes), InternetChecksum.Of(bytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Slices_at_odd_boundaries_and_addresses_give_the_checksum_of_the_whole(int seed)
    {
        var random = new Random(seed);
        for (int run = 0; run < 20_000; run++)
        {
            Span<byte> bytes = Wire.Payload(300).AsSpan(random.Next(8))[..random.Next(290)];
            InternetChecksum checksum = default;
            for (int at = 0; at < bytes.Length;)
            {
                int length = random.Next(bytes.Length - at) + 1;
                checksum.Add(bytes.Slice(at, length));
                at += length;
            }

            Assert.Equal(WordByWord(bytes), checksum.Value);
        }
    }

    [Fact]
    public void A_slice_with_its_own_checksum_in_it_is_valid_and_a_flipped_bit_is_not()
    {
        byte[] bytes = Wire.Payload(100);
        bytes[10] = bytes[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(10), InternetChecksum.Of(bytes));
        Assert.True(IsValid(bytes));
        for (int bit = 0; bit < 800; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(IsValid(bytes));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    private static bool IsValid(byte[] bytes)
    {
        InternetChecksum checksum = default;
        checksum.Add(bytes);
        return checksum.IsValid;
    }

    private static ushort WordByWord(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += i % 2 == 0 ? (uint)bytes[i] << 8 : bytes[i];
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
