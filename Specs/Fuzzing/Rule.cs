namespace TcpActors.Specs.Fuzzing;

/// <summary>What must hold whatever the network delivers.</summary>
internal static class Rule
{
    /// <exception cref="BrokenRuleException">When it does not.</exception>
    public static void Holds(bool condition, string rule)
    {
        if (!condition)
        {
            throw new BrokenRuleException(rule);
        }
    }
}

/// <summary>A rule does not hold.</summary>
public sealed class BrokenRuleException(string message) : Exception(message);
