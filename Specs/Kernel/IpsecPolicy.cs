using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Specs.Kernel;

/// <summary>IPsec policies in the caller's namespace (linux/xfrm.h).</summary>
internal static class IpsecPolicy
{
    /// <summary>What leaves for the peer is to be encrypted if there are keys; there are none.</summary>
    public static void Wish(IPAddress local, IPAddress remote)
    {
        using var xfrm = new NetlinkSocket(NetlinkProtocol.Xfrm);
        byte bits = (byte)(local.GetAddressBytes().Length * 8);
        Add(xfrm, direction: 1, action: 0, local.ToString(), bits, remote.ToString(), bits, remotePort: 0, isWish: true);
    }

    /// <param name="xfrm">Where.</param>
    /// <param name="direction">0: in, 1: out.</param>
    /// <param name="action">0: allow, 1: block.</param>
    /// <param name="local">Our addresses.</param>
    /// <param name="localBits">The length of their common prefix.</param>
    /// <param name="remote">The peers' addresses.</param>
    /// <param name="remoteBits">The length of their common prefix.</param>
    /// <param name="remotePort">The peers' port; 0: any.</param>
    /// <param name="isWish">With an optional template: encrypted where there are keys.</param>
    public static void Add(
        NetlinkSocket xfrm, byte direction, byte action, string local, byte localBits, string remote, byte remoteBits, ushort remotePort,
        bool isWish = false)
    {
        // struct xfrm_userpolicy_info by its offsets, so that this spec does not lean on the layout it checks.
        var policy = default(RawPolicy);
        Span<byte> bytes = policy;
        var (from, to) = direction == 1 ? (local, remote) : (remote, local);
        var (fromBits, toBits) = direction == 1 ? (localBits, remoteBits) : (remoteBits, localBits);
        IPAddress.Parse(to).TryWriteBytes(bytes, out var length);
        IPAddress.Parse(from).TryWriteBytes(bytes[16..], out _);
        var portAt = direction == 1 ? 32 : 36;
        (bytes[portAt], bytes[portAt + 1]) = ((byte)(remotePort >> 8), (byte)remotePort);
        (bytes[portAt + 2], bytes[portAt + 3]) = remotePort == 0 ? ((byte)0, (byte)0) : ((byte)0xff, (byte)0xff);
        bytes[40] = (byte)(length == 4 ? 2 : 10);
        bytes[42] = toBits;
        bytes[43] = fromBits;
        bytes[44] = 6;
        // Soft and hard limits in bytes and packets: none.
        bytes.Slice(56, 32).Fill(0xff);
        bytes[160] = direction;
        bytes[161] = action;
        NetlinkMessageBuilder request = new NetlinkMessageBuilder("add a policy")
            .Begin(0x13, NetlinkFlags.Create | NetlinkFlags.Exclusive | NetlinkFlags.Ack, policy);
        if (isWish)
        {
            // XFRMA_TMPL: struct xfrm_user_tmpl, ESP in transport mode, with every algorithm.
            byte[] template = new byte[64];
            template[20] = 50;
            template[24] = bytes[40];
            template[50] = 1;
            template.AsSpan(52, 12).Fill(0xff);
            request.Bytes(5, template);
        }

        xfrm.Execute(request);
    }

    [InlineArray(168)]
    [StructLayout(LayoutKind.Sequential)]
    private struct RawPolicy
    {
        private byte _first;
    }
}
