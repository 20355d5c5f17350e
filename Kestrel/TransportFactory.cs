using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TcpActors.HostSide;

namespace TcpActors.Kestrel;

/// <summary>Binds IP endpoints for Kestrel through an <see cref="OffloadHost"/>.</summary>
internal sealed class TransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector, IAsyncDisposable
{
    private readonly TcpActorsOptions _options;
    private readonly Lazy<OffloadHost>? _ownHost;

    public TransportFactory(IOptions<TcpActorsOptions> options, ILoggerFactory loggers)
    {
        _options = options.Value;
        if (_options.Host is null)
        {
            _ownHost = new Lazy<OffloadHost>(() => OffloadHost.Create(_options.Offload with { LoggerFactory = loggers }));
        }
    }

    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not IPEndPoint address)
        {
            throw new NotSupportedException($"TcpActors listens on IP endpoints; {endpoint} is not one.");
        }

        try
        {
            IOffloadHost host = _options.Host ?? _ownHost!.Value;
            return ValueTask.FromResult<IConnectionListener>(new TransportListener(host.Listen(address, _options.Backlog)));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(exception.Message, exception);
        }
    }

    /// <summary>Called by the application's service provider, after Kestrel has let go of its connections.</summary>
    public ValueTask DisposeAsync() => _ownHost is { IsValueCreated: true } own ? own.Value.DisposeAsync() : ValueTask.CompletedTask;
}
