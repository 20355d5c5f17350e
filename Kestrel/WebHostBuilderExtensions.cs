using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace TcpActors.Kestrel;

/// <summary>The one door to this project.</summary>
public static class WebHostBuilderExtensions
{
    /// <summary>
    /// Has Kestrel accept TCP connections through TcpActors: the kernel sets them up and tears them down, a TOE runs them in between.
    /// Endpoints that are not IP addresses (Unix sockets, inherited handles) stay with Kestrel's own transport.
    /// </summary>
    /// <param name="builder">The web host.</param>
    /// <param name="configure">Sets <see cref="TcpActorsOptions"/>; null for the defaults.</param>
    public static IWebHostBuilder UseTcpActors(this IWebHostBuilder builder, Action<TcpActorsOptions>? configure = null) =>
        builder.ConfigureServices(services =>
        {
            // Kestrel asks the factories last registered first.
            services.AddSingleton<IConnectionListenerFactory, TransportFactory>();
            if (configure is not null)
            {
                services.Configure(configure);
            }
        });
}
