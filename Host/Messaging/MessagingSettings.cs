using Akka.Actor;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <summary>Bounds of connections that are driven by messages. Where <c>akka.io.tcp</c> has a setting for it, that is what counts.</summary>
internal sealed record MessagingSettings
{
    /// <summary>How long a new connection waits for <see cref="Tcp.Register"/> (<c>register-timeout</c>); null: for ever.</summary>
    public required TimeSpan? RegisterTimeout { get; init; }

    /// <summary>
    /// Most bytes of writes that wait behind the one that is under way (<c>write-commands-queue-max-size</c>, which is off in Akka: then 16 MiB).
    /// </summary>
    public required int WriteQueueLimit { get; init; }

    /// <summary>Most bytes of one <see cref="Tcp.Received"/>: a message for 4 KiB, as in Akka, is many.</summary>
    public int LargestReceived { get; init; } = 128 << 10;

    /// <summary>Most bytes that lie in the handler's mailbox: see <see cref="MailboxCredit"/>.</summary>
    public int MailboxLimit { get; init; } = 1 << 20;

    /// <param name="system">The host's actor system, which has the settings.</param>
    /// <param name="own">Those that <see cref="Tcp.Bind"/> or <see cref="Tcp.Connect"/> carries, if any.</param>
    public static MessagingSettings Of(ActorSystem system, TcpSettings? own)
    {
        TcpSettings settings = own ?? TcpSettings.Create(system);
        return new MessagingSettings
        {
            RegisterTimeout = settings.RegisterTimeout,
            WriteQueueLimit = settings.WriteCommandsQueueMaxSize >= 0 ? settings.WriteCommandsQueueMaxSize : 16 << 20,
        };
    }
}
