using System.Text.Json;
using TcpActors.Cli;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class DemoSpecs
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_demo_in_memory_holds_and_says_so_in_one_object(bool ipv6)
    {
        string[] args = ["demo", "--in-memory", "--json"];
        (var code, var output, var error) = await CommandLineSpecs.RunAsync(ipv6 ? [.. args, "--ipv6"] : args);

        JsonElement verdict = JsonSerializer.Deserialize<JsonElement>(output);
        Assert.True(code == ExitCode.Ok, $"{output}{error}");
        Assert.True(verdict.GetProperty("sha256_match").GetBoolean());
        Assert.Equal(128 << 20, verdict.GetProperty("bytes_sent").GetInt64());
        Assert.Equal(128 << 20, verdict.GetProperty("bytes_received").GetInt64());
        Assert.Equal((2, 2), (verdict.GetProperty("offloads").GetInt32(), verdict.GetProperty("uploads").GetInt32()));
        Assert.Equal(1, verdict.GetProperty("invariant_updates").GetInt32());
        Assert.Equal(
            "managed toe-a managed toe-a managed",
            string.Join(' ', verdict.GetProperty("owner_history").EnumerateArray().Select(owner => owner.GetString())));
    }
}
