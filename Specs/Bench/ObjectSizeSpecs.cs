using System.Runtime.CompilerServices;
using TcpActors.Bench.Flight;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>What is said to travel is all that travels: bytes behind a reference count too.</summary>
public sealed class ObjectSizeSpecs
{
    /// <summary>Header and method table.</summary>
    private const int Object = 16;

    // Fails when: Alone takes the size of a reference, or PushReferences leaves out fields of a struct or of a base class.
    [Fact]
    public void What_an_object_refers_to_counts_whatever_is_between()
    {
        long alone = ObjectSize.Of(new Inner(null));

        Assert.Equal(Object + 8, alone);
        Assert.Equal(alone + Object + 8 + 1000, ObjectSize.Of(new Inner(new byte[1000])));
        Assert.Equal(alone + Object + 8 + 1000, ObjectSize.Of(new Derived(new byte[1000])));
        Assert.Equal(alone + 8 + Object + 8 + 1000, ObjectSize.Of(new Within(new byte[1000])));
        Assert.Equal(Object + Unsafe.SizeOf<SegmentVariants>(), ObjectSize.Of(new StrongBox<SegmentVariants>()));
    }

    [Fact]
    public void What_is_referred_to_twice_counts_once()
    {
        byte[] bytes = new byte[1000];

        Assert.Equal(ObjectSize.Of(new object?[] { bytes, null }), ObjectSize.Of(new object[] { bytes, bytes }));
    }

    [Fact]
    public void A_string_has_the_size_of_its_text() =>
        Assert.Equal(ObjectSize.Of("0123456789") + 200, ObjectSize.Of(new string('x', 110)));

    private class Inner(byte[]? bytes)
    {
        public byte[]? Bytes { get; } = bytes;
    }

    private sealed class Derived(byte[] bytes) : Inner(bytes);

    private sealed class Within(byte[] bytes)
    {
        public (byte[] Bytes, long Length) Slice { get; } = (bytes, bytes.Length);
    }
}
