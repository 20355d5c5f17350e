using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation;

public class ScriptedPeerSpecs
{
    [Fact]
    public void It_talks_with_an_engine_in_frames() =>
        Replay.Run(1, world =>
        {
            ScriptedPeer peer = world.Peer();
            peer.Expects(1.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
            peer.EngineWrites(1.1.s, 2500);
            peer.Expects(1.1.s, seq: 0, length: 1000);
            peer.Expects(1.1.s, seq: 1000, length: 1000);
            peer.Expects(1.1.s, seq: 2000, length: 500, flags: TcpFlags.Ack | TcpFlags.Psh);
            peer.Sends(1.2.s, peer.Ack(2500));
            peer.ExpectsNothing(until: 1.5.s);
            peer.Sends(1.5.s, peer.Data(seq: 1000, length: 1000, ack: 2500));
            peer.Expects(1.5.s, ack: 0);
            peer.Sends(1.6.s, peer.Data(seq: 0, length: 1000, ack: 2500));
            peer.Expects(1.6.s, ack: 2000);
            Assert.Equal(2000, peer.Engine.Application.Read);
        });

    [Fact]
    public void What_is_not_acknowledged_comes_again_over_a_path_with_a_delay() =>
        Replay.Run(2, world =>
        {
            ScriptedPeer peer = world.Peer(new Scenario { Rate = 0, Rtt = 100.ms, Timestamps = false, Sack = false, Mtu = 1040 });
            peer.Expects(1.s + 50.ms, seq: 0);
            peer.EngineWrites(2.s, 1000);
            peer.Expects(2.s + 50.ms, seq: 0, length: 1000);
            peer.Expects(3.s + 50.ms, seq: 0, length: 1000);
            peer.Sends(3.1.s, peer.Ack(1000));
            peer.ExpectsNothing(until: 20.s);
            Assert.Equal(1, peer.Engine.Counters.RetransmissionTimeouts);
        });
}
