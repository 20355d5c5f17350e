namespace TcpActors.Bench.Report;

/// <summary>A Markdown page with parts that the bench writes, each between two marks; what people wrote around them stays.</summary>
internal static class MarkedPage
{
    /// <summary>Replaces what is between a part's marks. A file that is not there yet is made; a part that is not there yet goes to the end.</summary>
    /// <exception cref="BenchException">The part has not exactly one pair of marks.</exception>
    public static void Write(string file, string part, string text)
    {
        string old = File.Exists(file) ? File.ReadAllText(file) : "# Results\n";
        File.WriteAllText(file, Replace(old, part, text)
            ?? throw new BenchException($"{file} has not exactly one line '{Begin(part)}' with one line '{End(part)}' behind it."));
    }

    /// <returns>The page with the new text; null when its marks are not a pair.</returns>
    public static string? Replace(string page, string part, string text)
    {
        int begin = page.IndexOf(Begin(part), StringComparison.Ordinal);
        int end = page.IndexOf(End(part), StringComparison.Ordinal);
        if (begin < 0 && end < 0)
        {
            return $"{page.TrimEnd()}\n\n{Begin(part)}\n{text.Trim()}\n{End(part)}\n";
        }

        bool isPair = begin >= 0 && end > begin
            && page.LastIndexOf(Begin(part), StringComparison.Ordinal) == begin && page.LastIndexOf(End(part), StringComparison.Ordinal) == end;
        return isPair ? $"{page[..(begin + Begin(part).Length)]}\n{text.Trim()}\n{page[end..]}" : null;
    }

    private static string Begin(string part) => $"<!-- {part}: begin, written by the bench -->";

    private static string End(string part) => $"<!-- {part}: end -->";
}
