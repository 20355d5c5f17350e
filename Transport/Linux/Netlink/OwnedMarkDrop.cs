namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// Keeps the kernel's own stack from receiving what bears a mark: raw sockets have their copy by then, connection tracking has not
/// seen it yet. Holds for IPv4 and IPv6 in the network namespace of the thread that made it, until it is disposed or the process ends.
/// </summary>
public sealed class OwnedMarkDrop : IDisposable
{
    // Before raw (-300) and connection tracking (-200), after defragmentation (-400): owned frames are no fragments.
    private const int Priority = -350;
    private readonly OwnedTable _table;

    /// <param name="mark">The packet mark (all 32 bits).</param>
    /// <exception cref="NetlinkException">The kernel refused; needs nftables (CONFIG_NF_TABLES_INET) and Linux 5.12.</exception>
    public OwnedMarkDrop(uint mark)
    {
        _table = new OwnedTable("keep the kernel from receiving owned segments", Netfilter.FamilyInet, batch => batch
            .NewChain("prerouting", NfHook.InetPrerouting, Priority)
            .NewRule("prerouting", rule => rule.MarkIs(mark).Drop()));
        Mark = mark;
    }

    public uint Mark { get; }

    /// <summary>The name of the nftables table (family inet).</summary>
    public string TableName => _table.Name;

    public void Dispose() => _table.Dispose();
}
