using System.Net;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// One nftables transaction on one table: all of it takes effect at once, or nothing does
/// (linux/netfilter/nf_tables.h; the kernel's nf_tables_commit).
/// </summary>
internal sealed class NfTablesBatch
{
    private const ushort BatchBegin = 0x10;
    private const ushort BatchEnd = 0x11;
    private const ushort NewTableMessage = 0;
    private const ushort NewChainMessage = 3;
    private const ushort NewRuleMessage = 6;
    private const ushort NewSetMessage = 9;
    private const ushort NewElementsMessage = 12;
    private const ushort DeleteElementsMessage = 14;
    private const uint OwnerFlag = 2;
    private static readonly NetfilterHeader s_frame = new() { Resource = (ushort)IPAddress.HostToNetworkOrder((short)Netfilter.Tables) };
    private readonly byte _family;
    private readonly string _table;
    private readonly NetlinkMessageBuilder _messages;
    private uint _setId;

    public NfTablesBatch(string operation, byte family, string table)
    {
        _family = family;
        _table = table;
        _messages = new NetlinkMessageBuilder(operation);
        _messages.Begin(BatchBegin, NetlinkFlags.None, s_frame);
    }

    /// <summary>A table that vanishes with the socket that made it, and that no other socket may change (since Linux 5.12).</summary>
    public NfTablesBatch NewOwnedTable()
    {
        Begin(NewTableMessage, NetlinkFlags.Create | NetlinkFlags.Exclusive)
            .Text(TableAttribute.Name, _table)
            .UInt32BigEndian(TableAttribute.Flags, OwnerFlag);
        return this;
    }

    /// <summary>A chain at a hook; what it does not drop goes on.</summary>
    /// <param name="name">The chain's name.</param>
    /// <param name="hook">The hook's number in the table's family.</param>
    /// <param name="priority">The lowest comes first.</param>
    /// <param name="device">The interface, in the netdev family.</param>
    /// <param name="type">The kind of chain.</param>
    public NfTablesBatch NewChain(string name, NfHook hook, int priority, string? device = null, string type = "filter")
    {
        var chain = Begin(NewChainMessage, NetlinkFlags.Create)
            .Text(ChainAttribute.Table, _table)
            .Text(ChainAttribute.Name, name)
            .Text(ChainAttribute.Type, type);
        using (chain.Nested(ChainAttribute.Hook))
        {
            chain.UInt32BigEndian(HookAttribute.Number, (uint)hook).UInt32BigEndian(HookAttribute.Priority, (uint)priority);
            if (device is not null)
                chain.Text(HookAttribute.Device, device);
        }

        return this;
    }

    /// <summary>A rule at the end of a chain.</summary>
    public NfTablesBatch NewRule(string chain, Action<NfRule> expressions)
    {
        var rule = Begin(NewRuleMessage, NetlinkFlags.Create | NetlinkFlags.Append)
            .Text(RuleAttribute.Table, _table)
            .Text(RuleAttribute.Chain, chain);
        using (rule.Nested(RuleAttribute.Expressions))
            expressions(new NfRule(rule));
        return this;
    }

    /// <summary>A set of flows, keyed by source address, source port, destination address, destination port.</summary>
    public NfTablesBatch NewFlowSet(NfFlowSet set)
    {
        Begin(NewSetMessage, NetlinkFlags.Create)
            .Text(SetAttribute.Table, _table)
            .Text(SetAttribute.Name, set.Name)
            .UInt32BigEndian(SetAttribute.Flags, 0)
            .UInt32BigEndian(SetAttribute.KeyType, set.KeyType)
            .UInt32BigEndian(SetAttribute.KeyLength, (uint)set.KeyLength)
            .UInt32BigEndian(SetAttribute.Id, ++_setId);
        return this;
    }

    /// <summary>
    /// Adds flows to their sets (one that is there already stays), or takes them out (one that is not there fails the batch).
    /// </summary>
    public NfTablesBatch Elements(ReadOnlySpan<FlowKey> flows, bool add)
    {
        Elements(NfFlowSet.IPv4, flows, add);
        Elements(NfFlowSet.IPv6, flows, add);
        return this;
    }

    public NetlinkMessageBuilder Complete() => _messages.Begin(BatchEnd, NetlinkFlags.None, s_frame);

    private void Elements(NfFlowSet set, ReadOnlySpan<FlowKey> flows, bool add)
    {
        var any = false;
        foreach (ref readonly var flow in flows)
            any |= flow.IsIPv4 == set.IsIPv4;
        if (!any)
            return;
        var message = Begin(add ? NewElementsMessage : DeleteElementsMessage, add ? NetlinkFlags.Create : NetlinkFlags.None)
            .Text(ElementsAttribute.Table, _table)
            .Text(ElementsAttribute.Set, set.Name);
        Span<byte> key = stackalloc byte[NfFlowSet.LongestKey];
        using (message.Nested(ElementsAttribute.Elements))
        {
            foreach (ref readonly var flow in flows)
            {
                if (flow.IsIPv4 != set.IsIPv4)
                    continue;
                using (message.Nested(ElementsAttribute.Element))
                using (message.Nested(ElementsAttribute.Key))
                    message.Bytes(NfRule.DataValue, set.WriteKey(flow, key));
            }
        }
    }

    private NetlinkMessageBuilder Begin(ushort type, NetlinkFlags flags) => _messages.Begin(
        Netfilter.Type(Netfilter.Tables, type), flags | NetlinkFlags.Ack, new NetfilterHeader { Family = _family });

    private static class TableAttribute
    {
        public const ushort Name = 1;
        public const ushort Flags = 2;
    }

    private static class ChainAttribute
    {
        public const ushort Table = 1;
        public const ushort Name = 3;
        public const ushort Hook = 4;
        public const ushort Type = 7;
    }

    private static class HookAttribute
    {
        public const ushort Number = 1;
        public const ushort Priority = 2;
        public const ushort Device = 3;
    }

    private static class RuleAttribute
    {
        public const ushort Table = 1;
        public const ushort Chain = 2;
        public const ushort Expressions = 4;
    }

    private static class SetAttribute
    {
        public const ushort Table = 1;
        public const ushort Name = 2;
        public const ushort Flags = 3;
        public const ushort KeyType = 4;
        public const ushort KeyLength = 5;
        public const ushort Id = 10;
    }

    private static class ElementsAttribute
    {
        public const ushort Table = 1;
        public const ushort Set = 2;
        public const ushort Elements = 3;
        public const ushort Element = 1;
        public const ushort Key = 1;
    }
}

/// <summary>Where chains hang: the numbers of the inet and of the netdev family overlap.</summary>
internal enum NfHook
{
    InetPrerouting = 0,
    NetdevIngress = 0,
    NetdevEgress = 1,
}
