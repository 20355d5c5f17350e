using System.Globalization;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// An nftables table of our own: it vanishes with this object's socket, so also when the process is killed, and nobody else can
/// change it (flags owner, Linux 5.12). Its name is unique among the instances in a network namespace.
/// </summary>
internal sealed class OwnedTable : IDisposable
{
    private const int NameAttempts = 64;
    private static int s_instances;
    private readonly NetlinkSocket _socket = new(NetlinkProtocol.Netfilter);
    private readonly byte _family;

    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public OwnedTable(string operation, byte family, Action<NfTablesBatch> content)
    {
        _family = family;
        try
        {
            Name = Create(operation, content);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public string Name { get; }

    public NfTablesBatch Change(string operation) => new(operation, _family, Name);

    public void Commit(NfTablesBatch batch) => _socket.Execute(batch.Complete());

    public void Dispose() => _socket.Dispose();

    private string Create(string operation, Action<NfTablesBatch> content)
    {
        for (var attempt = 1; ; attempt++)
        {
            var name = string.Create(
                CultureInfo.InvariantCulture, $"tcpactors_{Environment.ProcessId}_{Interlocked.Increment(ref s_instances)}");
            var batch = new NfTablesBatch(operation, _family, name).NewOwnedTable();
            content(batch);
            try
            {
                Commit(batch);
                return name;
            }
            catch (NetlinkException exception) when (exception.Errno == Errno.Exists && attempt < NameAttempts)
            {
                // Processes in different PID namespaces can have one number in one network namespace.
            }
        }
    }
}
