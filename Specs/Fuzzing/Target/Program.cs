using SharpFuzz;
using TcpActors.Specs.Fuzzing;

// With a folder: writes the corpus to begin with. Without: what AFL++ starts, and talks to.
if (args is ["--corpus", var folder])
{
    FuzzInput.WriteCorpus(folder);
    return;
}

Fuzzer.Run(static stream =>
{
    using var copy = new MemoryStream();
    stream.CopyTo(copy);
    FuzzInput.Play(copy.ToArray());
});
