using Xunit;

namespace TcpActors.Specs.Properties;

/// <summary>One engine, and a peer whose every segment is forged; README.md says what holds.</summary>
public class ForgedPeerSpecs
{
    [Fact]
    public void Whatever_a_forger_sends_only_what_the_RFCs_accept_counts_and_an_honest_peer_can_go_on() =>
        Property.Holds(Forgeries.Any, seed: 0x5EED_B001, count: 4000, ForgeryRun.Play);
}
