namespace TcpActors.HostSide.Kernel;

/// <summary>What the options of a socket are set to. Those of thousands of connections are equal: they have one object for it.</summary>
internal sealed class OptionValues
{
    private static OptionValues? s_last;

    private OptionValues((int Level, int Option, int Value)[] integers, (int Level, int Option, byte[] Value)[] bytes) =>
        (Integers, Bytes) = (integers, bytes);

    public (int Level, int Option, int Value)[] Integers { get; }

    public (int Level, int Option, byte[] Value)[] Bytes { get; }

    /// <returns>Those of the socket that was looked at last, if they are equal. Any thread.</returns>
    public static OptionValues Shared((int Level, int Option, int Value)[] integers, (int Level, int Option, byte[] Value)[] bytes)
    {
        OptionValues? last = Volatile.Read(ref s_last);
        if (last is not null && last.Integers.AsSpan().SequenceEqual(integers) && AreEqual(last.Bytes, bytes))
        {
            return last;
        }

        var values = new OptionValues(integers, bytes);
        Volatile.Write(ref s_last, values);
        return values;
    }

    /// <summary>With other values for some, which come last.</summary>
    public OptionValues With(IReadOnlyList<SocketOption> changed)
    {
        HashSet<(int Level, int Option)> gone = [.. changed.Select(each => (each.Level, each.Option))];
        return Shared(
            [
                .. Integers.Where(each => !gone.Contains((each.Level, each.Option))),
                .. changed.Where(each => each.Bytes is null).Select(each => (each.Level, each.Option, each.Value)),
            ],
            [
                .. Bytes.Where(each => !gone.Contains((each.Level, each.Option))),
                .. changed.Where(each => each.Bytes is not null).Select(each => (each.Level, each.Option, each.Bytes!)),
            ]);
    }

    private static bool AreEqual((int Level, int Option, byte[] Value)[] some, (int Level, int Option, byte[] Value)[] others)
    {
        bool isEqual = some.Length == others.Length;
        for (int i = 0; isEqual && i < some.Length; i++)
        {
            isEqual = (some[i].Level, some[i].Option) == (others[i].Level, others[i].Option)
                && some[i].Value.AsSpan().SequenceEqual(others[i].Value);
        }

        return isEqual;
    }
}
