using System.Reflection;

namespace TcpActors.Bench.Flight;

/// <summary>Bytes that an object takes on the managed heap, with everything that it refers to, each once.</summary>
internal static class ObjectSize
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Func<object, object> s_clone =
        typeof(object).GetMethod(nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    public static long Of(object root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var left = new Stack<object>([root]);
        long bytes = 0;
        while (left.TryPop(out object? next))
        {
            if (seen.Add(next))
            {
                bytes += Alone(next);
                PushReferences(next, left);
            }
        }

        return bytes;
    }

    /// <summary>The runtime does not tell an object's size, but what its copy has taken.</summary>
    private static long Alone(object each)
    {
        // Made now, as making it allocates too.
        Func<object, object> clone = s_clone;
        long before = GC.GetAllocatedBytesForCurrentThread();

        // The runtime clones everything but strings, whose length is not their type's.
        _ = each is string text ? new string(text.AsSpan()) : clone(each);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void PushReferences(object of, Stack<object> left)
    {
        if (of is Array { Length: > 0 } array && !array.GetType().GetElementType()!.IsPrimitive)
        {
            foreach (object? element in array)
            {
                Push(element, array.GetType().GetElementType()!, left);
            }
        }

        for (Type? type = of.GetType(); type is not null; type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(Own).Where(field => !field.FieldType.IsPrimitive && !field.FieldType.IsPointer))
            {
                Push(field.GetValue(of), field.FieldType, left);
            }
        }
    }

    /// <summary>A struct is part of the object that holds it; what it refers to is not.</summary>
    private static void Push(object? value, Type declared, Stack<object> left)
    {
        if (value is not null && declared.IsValueType)
        {
            PushReferences(value, left);
        }
        else if (value is not null)
        {
            left.Push(value);
        }
    }
}
