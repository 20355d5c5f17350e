using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace TcpActors.Mutation;

/// <summary>One small mistake in one place.</summary>
/// <param name="Source">The file that has it.</param>
/// <param name="Path">Of the file, from the engine's folder.</param>
/// <param name="Span">What is replaced.</param>
/// <param name="Text">By what; empty: it is left out.</param>
/// <param name="Operator">The kind of mistake.</param>
internal sealed record Mutant(SyntaxTree Source, string Path, TextSpan Span, string Text, string Operator)
{
    /// <summary>From 1.</summary>
    public int Line => Source.GetText().Lines.GetLinePosition(Span.Start).Line + 1;

    /// <summary>Recovery, Receive or Congestion: whose specs are asked first.</summary>
    public string Folder => Path[..Path.IndexOf('/', StringComparison.Ordinal)];

    public string Before => OnOneLine(Source.GetText().ToString(Span));

    public string After => Text.Length == 0 ? "(nothing)" : OnOneLine(Text);

    /// <summary>The file with the mistake.</summary>
    public SyntaxTree Mutated => Source.WithChangedText(Source.GetText().WithChanges(new TextChange(Span, Text)));

    private static string OnOneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
