using TcpActors.Bench.Peers;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>Another stack's command line, as the user writes it.</summary>
public sealed class CommandPeerSpecs
{
    [Fact]
    public void The_name_ends_at_the_first_equals_sign()
    {
        Assert.Equal("mine", CommandPeer.Parse("mine=./stack --role={role} --port={port}").Name);
    }

    [Theory]
    [InlineData("./stack {role}")]
    [InlineData("=./stack {role}")]
    [InlineData("mine=")]
    [InlineData("mine=./stack --port {port}")]
    public void A_peer_without_a_name_a_command_or_a_role_is_refused(string text)
    {
        Assert.Throws<FormatException>(() => CommandPeer.Parse(text));
    }
}
