using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace TcpActors.Mutation;

/// <summary>The engine as it stands, and compiled with a mistake in it.</summary>
internal sealed class EngineSource
{
    private readonly CSharpCompilation _compilation;
    private readonly Dictionary<string, SyntaxTree> _files = new(StringComparer.Ordinal);
    private readonly byte[] _original;

    /// <param name="repository">Where it has been built for release: what the build adds to the source is taken too.</param>
    public EngineSource(string repository)
    {
        string engine = Path.Combine(repository, "Engine");
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Preview);
        foreach (string file in Directory.EnumerateFiles(engine, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string path = Path.GetRelativePath(engine, file).Replace('\\', '/');
            if (!path.StartsWith("bin/", StringComparison.Ordinal)
                && (!path.StartsWith("obj/", StringComparison.Ordinal) || path.StartsWith("obj/Release/net10.0/", StringComparison.Ordinal)))
            {
                _files.Add(path, CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, path));
            }
        }

        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string platform = (string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "";
        IEnumerable<string> references = platform.Split(Path.PathSeparator).Where(file => file.StartsWith(framework, StringComparison.Ordinal));
        _compilation = CSharpCompilation.Create(
            "TcpActors.Engine",
            _files.Values,
            references.Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                optimizationLevel: OptimizationLevel.Release,
                allowUnsafe: true,
                deterministic: true,
                nullableContextOptions: NullableContextOptions.Enable));
        _original = Emitted(_compilation) ?? throw new MutationException("The engine does not compile. Build the solution for release first.");
    }

    /// <summary>The assembly without a mistake.</summary>
    public byte[] Original => _original;

    /// <summary>All the mistakes that can be made in the files of these folders.</summary>
    public IReadOnlyList<Mutant> Mutants(IReadOnlyCollection<string> folders) =>
        [.. _files
            .Where(file => folders.Any(folder => file.Key.StartsWith(folder + '/', StringComparison.Ordinal)))
            .SelectMany(file => Mutators.Of(file.Value, file.Key))];

    /// <summary>
    /// The assembly; null when the compiler refuses it, or makes of it what it makes of the original, to the bit: then nobody could tell.
    /// </summary>
    public byte[]? Compile(Mutant mutant)
    {
        byte[]? image = Emitted(_compilation.ReplaceSyntaxTree(mutant.Source, mutant.Mutated));
        return image is null || image.AsSpan().SequenceEqual(_original) ? null : image;
    }

    private static byte[]? Emitted(CSharpCompilation compilation)
    {
        using var image = new MemoryStream();
        return compilation.Emit(image).Success ? image.ToArray() : null;
    }
}
