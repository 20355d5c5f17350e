using System.Text.Json;
using System.Text.RegularExpressions;
using TcpActors.Specs.Kernel;
using Xunit;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claim 46: a program on a storage medium. The command that was built is a program that runs by itself and shows the whole of it; that it builds from a
/// clean checkout is what a clean checkout shows (README, the first two commands), and here that a checkout has all that it takes.
/// </summary>
public sealed partial class Claim46_AProgramOnAStorageMedium
{
    // Fails when: Cli is built as a library, or its demo leaves out a move.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_built_command_runs_its_demo_in_a_process_of_its_own(HostKind kind)
    {
        string[] arguments = kind == HostKind.Managed ? ["demo", "--in-memory", "--json"] : ["demo", "--json"];
        await using DeathChild command = DeathChild.Start(host: null, arguments);

        Assert.True(await command.ExitAsync() == 0, command.Errors);
        JsonElement verdict = JsonSerializer.Deserialize<JsonElement>(command.Output);
        Assert.True(verdict.GetProperty("sha256_match").GetBoolean());
        Assert.Equal((2, 2), (verdict.GetProperty("offloads").GetInt32(), verdict.GetProperty("uploads").GetInt32()));
    }

    // Fails when: a project's packages are not locked, or a package has no version in Directory.Packages.props.
    [Fact]
    public void Every_project_of_the_solution_is_there_with_its_packages_named_and_locked()
    {
        string root = Root();
        string[] projects = [.. ProjectPath().Matches(File.ReadAllText(Path.Combine(root, "TcpActors.sln"))).Select(match => match.Value.Replace('\\', '/'))];
        string versions = File.ReadAllText(Path.Combine(root, "Directory.Packages.props"));

        Assert.Contains("Cli/Cli.csproj", projects);
        Assert.All(projects, project =>
        {
            string text = File.ReadAllText(Path.Combine(root, project));
            Assert.True(File.Exists(Path.Combine(root, Path.GetDirectoryName(project)!, "packages.lock.json")), $"{project} has no lock");
            Assert.All(PackageName().Matches(text), package => Assert.Contains($"Include=\"{package.Groups["name"].Value}\"", versions, StringComparison.Ordinal));
        });
    }

    private static string Root()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "TcpActors.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException("The specs do not run in a checkout.");
    }

    [GeneratedRegex("[A-Za-z/\\\\]+\\.csproj", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ProjectPath();

    [GeneratedRegex("<PackageReference Include=\"(?<name>[^\"]+)\"", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PackageName();
}
